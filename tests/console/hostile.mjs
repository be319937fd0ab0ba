// Hostile texts in every field that a page shows again. Read by a browser's parser without any policy around it, the page must be
// built as it is around a harmless text: no element more, no attribute more, and the text somewhere as it was sent.

import assert from "node:assert/strict";
import { ask, atPeace, person, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";
import { payloads } from "./payloads.mjs";

assert.equal(payloads.length, 200);

/** Elements and attributes of a page, in order, with its texts and values. */
function built(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  const elements = [...parsed.querySelectorAll("*")];
  return {
    shape: elements.map((element) => [element.tagName, ...element.getAttributeNames()].join(" ")).join("\n"),
    texts: [...elements.flatMap((element) => [...element.attributes].map(({ value }) => value)), parsed.documentElement.textContent],
  };
}

/** Sends hostile texts and holds each page against one that a harmless text made; `expected` is what has to stand on it, or nothing. */
async function tryOut(parser, field, send, expected) {
  const { shape } = await parser.evaluate(built, (await send("harmless")).text);
  for (const payload of payloads) {
    const got = await parser.evaluate(built, (await send(payload)).text);
    assert.equal(got.shape, shape, `${field}: ${payload}`);
    if (expected) {
      assert.ok(got.texts.includes(expected(payload)), `${field} shows something else than ${payload}`);
    } else {
      const repeated = got.texts.filter((text) => text.includes(payload.trim()));
      assert.deepEqual(repeated, [], `${field} repeats ${payload}`);
    }
  }
}

await play(async (browser) => {
  const anna = await person(browser);
  const { context, page } = anna;
  const kept = await enrol(anna, stage.codes.anna, "Oakmoss ledger tin whistle 41");
  await signIn(anna, "anna", kept, totp(kept.secret));
  const token = await page.locator("input[name=token]").first().inputValue();
  const stranger = await person(browser);
  const parser = (await person(browser)).page;
  await parser.setContent("<title>parser</title>");
  const headers = { "sec-fetch-site": "same-origin" };
  const post = (who, path, form, more = {}) => ask(who, path, { method: "POST", headers: { ...headers, ...more }, form });

  // Shown again as it was typed, cut to the longest a form takes.
  const cut = (text) => text.slice(0, 64);
  // Longer than any password: refused before anything is hashed.
  const refused = { password: "x".repeat(200), code: "1" };
  await tryOut(parser, "the name of a user to be", (name) => post(context, "/users/new", { token, name }), (text) => cut(text.trim()));
  await tryOut(parser, "the name to sign in with", (name) => post(stranger.context, "/sign-in", { name, ...refused }), cut);
  // An address keeps what a browser may send in one.
  const address = (text) => `/users?x=${encodeURIComponent(text)}`;
  const back = (text) => encodeURIComponent(address(text));
  await tryOut(parser, "where to go on after signing in", (text) => ask(stranger.context, `/sign-in?back=${back(text)}`), address);
  await tryOut(parser, "where to go on after proving", (text) => ask(context, `/prove?back=${back(text)}`), address);

  // Refused, and not repeated.
  await tryOut(parser, "an address that is none", (text) => ask(stranger.context, `/sign-in?back=${encodeURIComponent(`/${text}<`)}`));
  await tryOut(parser, "a filter", (text) => ask(context, `/?days=${encodeURIComponent(text)}`));
  await tryOut(parser, "a zone", (text) => ask(context, `/account?zone=${encodeURIComponent(text)}`));
  await tryOut(parser, "a part of an address", (text) => ask(context, `/users/${encodeURIComponent(text)}`));

  // What browsers call themselves: four at a time, as each takes a recovery code.
  const codes = kept.recovery.values();
  const seen = async (names) => {
    for (const name of names) {
      const form = { name: "anna", password: kept.password, code: codes.next().value };
      assert.equal((await post(stranger.context, "/sign-in", form, { "user-agent": name })).status, 303, name);
    }
    const shown = await parser.evaluate(built, (await ask(context, "/account")).text);
    assert.equal((await post(context, "/account/sessions/end-others", { token })).status, 303);
    return shown;
  };
  // What waits to be told is told on another page.
  await ask(context, "/account");
  const { shape } = await seen(["Netscape", "Mosaic", "Lynx", "Amaya"]);
  await ask(context, "/account");
  const names = [0, 3, 47, 117].map((number) => payloads[number]);
  const got = await seen(names);
  assert.equal(got.shape, shape, "what a browser calls itself");
  for (const name of names) assert.ok(got.texts.some((text) => text.includes(name)), `a browser is not called ${name}`);
  atPeace(anna);
  atPeace(stranger);
});
