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

await play(async (browser) => {
  const anna = await person(browser);
  const { context, page } = anna;
  const kept = await enrol(anna, stage.codes.anna, "Oakmoss ledger tin whistle 41");
  await signIn(anna, "anna", kept, totp(kept.secret));
  const token = await page.locator("input[name=token]").first().inputValue();
  const stranger = await person(browser);
  const parser = await person(browser);
  await parser.page.setContent("<title>parser</title>");
  const headers = { "sec-fetch-site": "same-origin" };
  const fields = {
    "where to go on after signing in": (text) => ask(stranger.context, `/sign-in?back=${encodeURIComponent(text)}`),
    "a filter": (text) => ask(context, `/?days=${encodeURIComponent(text)}`),
    "the name of a user to be": (text) => ask(context, "/users/new", { method: "POST", headers, form: { token, name: text } }),
    "a part of an address": (text) => ask(context, `/users/${encodeURIComponent(text)}`),
    "where to go on after proving": (text) => ask(context, `/prove?back=${encodeURIComponent(text)}`),
  };
  for (const [field, send] of Object.entries(fields)) {
    const { text: harmless } = await send("harmless");
    const { shape } = await parser.page.evaluate(built, harmless);
    const pages = [];
    for (const payload of payloads) pages.push((await send(payload)).text);
    for (const [number, html] of pages.entries()) {
      const got = await parser.page.evaluate(built, html);
      assert.equal(got.shape, shape, `${field}: ${payloads[number]}`);
      const expected = payloads[number].trim().slice(0, 64);
      if (field === "the name of a user to be") {
        assert.ok(got.texts.some((text) => text === expected), `${field} shows something else: ${payloads[number]}`);
      }
    }
  }
  atPeace(anna);
  atPeace(stranger);
});
