// Somebody who is not signed in: the ways in, and nothing else; every answer tells the browser what to forbid.

import assert from "node:assert/strict";
import { ask, atPeace, formFrom, look, person, play, stage } from "./browser.mjs";

await play(async (browser) => {
  const stranger = await person(browser);
  const { context, page } = stranger;

  await page.goto("/");
  assert.equal(new URL(page.url()).pathname, "/sign-in");
  assert.equal(await page.title(), `Sign in · ${stage.member} · Hushwire`);
  const arrived = new URL(page.url());
  await look(stranger, "sign-in");
  await page.goto(arrived.href);

  // By keyboard alone: the form is filled in its order, and the first stop of a page leads past its frame.
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  for (const field of ["name", "password", "code"]) {
    assert.equal(await focused(), field);
    await page.keyboard.press("Tab");
  }
  await page.goto("/nowhere/at-all");
  await page.getByRole("heading", { name: "Nothing here" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "content");
  await look(stranger, "nothing-here");

  await page.goto("/enrol");
  await look(stranger, "enrol");

  // Who is nobody is told nothing of what there is.
  for (const path of ["/account", "/users", "/users/ann", "/users/ann/remove"]) {
    const answer = await ask(context, path);
    assert.equal(answer.status, 303, path);
    assert.equal(answer.headers.location, `/sign-in?back=${encodeURIComponent(path)}`);
  }

  const page_ = await ask(context, "/sign-in");
  const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; object-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
  const expected = {
    "content-security-policy": policy,
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-type": "text/html; charset=utf-8",
  };
  for (const path of ["/sign-in", "/nowhere", "/users"]) {
    const { headers } = await ask(context, path);
    for (const [name, value] of Object.entries(expected)) {
      if (path === "/users" && name === "content-type") continue;
      assert.equal(headers[name], value, `${path} ${name}`);
    }
  }
  const style = page_.text.match(/href="(\/assets\/console\.[0-9a-f]{16}\.css)"/)[1];
  const asset = await ask(context, style);
  assert.equal(asset.headers["cache-control"], "public, max-age=31536000, immutable");
  assert.equal(asset.headers["content-security-policy"], policy);

  // A form of another place is refused before anybody looks at it, whatever it holds.
  const form = { name: "ann", password: "x", code: "1" };
  for (const headers of [
    {},
    { "sec-fetch-site": "cross-site", origin: "https://evil.example" },
    { "sec-fetch-site": "same-site", origin: "https://127.0.0.1:1" },
    { "sec-fetch-site": "same-origin", origin: "https://evil.example" },
  ]) {
    const answer = await ask(context, "/sign-in", { method: "POST", form, headers });
    assert.equal(answer.status, 403, JSON.stringify(headers));
    assert.match(answer.text, /This form is not valid any more/);
  }
  assert.equal((await ask(context, "/account", { method: "POST" })).status, 405);
  const large = await ask(context, "/sign-in", {
    method: "POST", data: "a=" + "x".repeat(70_000),
    headers: { "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" },
  });
  assert.equal(large.status, 413);
  assert.equal((await ask(context, "/%ff")).status, 404);
  assert.equal((await ask(context, "/sign-in?back=%ff")).status, 400);
  for (const back of ["//evil.example", "https://evil.example", "/\\evil.example"]) {
    const { text } = await ask(context, `/sign-in?back=${encodeURIComponent(back)}`);
    assert.ok(!text.includes("evil"), back);
  }

  // Nor is one that a page of another site has a browser send: nobody is signed in as somebody else without knowing it.
  for (const origin of ["https://evil.example", `https://${new URL(stage.console).hostname}:4443`]) {
    for (const path of ["/sign-in", "/enrol", "/enrol/finish", "/prove"]) {
      assert.equal((await formFrom(stranger, origin, path, form)).status, 403, `${origin} ${path}`);
    }
  }

  // A flood of tries: all that are looked at are wrong, and the rest is told to come back. How many are looked at depends on the
  // machine; where it does not, `tests/life/signing_in.rs` and `tests/nodes/pages.rs` count them.
  const tries = await Promise.all(Array.from({ length: 16 }, () =>
    ask(context, "/sign-in", { method: "POST", form, headers: { "sec-fetch-site": "same-origin" } })));
  const statuses = new Set(tries.map(({ status }) => status));
  statuses.delete(429);
  assert.deepEqual([...statuses], [403]);

  // Nothing is lost without script.
  const plain = await person(browser, { javaScriptEnabled: false });
  await plain.page.goto("/sign-in");
  await plain.page.getByRole("button", { name: "Sign in" }).waitFor();

  // No page lets itself be framed: the browser refuses what the node answered. The same frame shows a page that forbids nothing.
  const framed = await person(browser);
  const frame = `<iframe src="${stage.console}/sign-in"></iframe>`;
  const refused = framed.page.waitForEvent("requestfailed", (request) => request.url() === `${stage.console}/sign-in`);
  await framed.page.setContent(frame);
  assert.match((await refused).failure().errorText, /ERR_BLOCKED_BY_RESPONSE/);
  await framed.page.route("**/sign-in", (route) => route.fulfill({ contentType: "text/html", body: "<button>Sign in</button>" }));
  await framed.page.setContent(frame);
  await framed.page.frameLocator("iframe").getByRole("button", { name: "Sign in" }).waitFor();

  atPeace(stranger);
  atPeace(plain);
});
