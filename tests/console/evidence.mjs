// Auditors make a report, hold evidence and lift the hold together; the operator sees the holds and not the log.

import assert from "node:assert/strict";
import { ask, atPeace, look, person, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";

const PASSWORD = "Oakmoss ledger tin whistle 41";
const CARD = "4539578763621486";
const HOSTILE = `"><img src=x onerror=alert(1)>`;

async function enter(browser, name) {
  const somebody = await person(browser);
  const kept = await enrol(somebody, stage.codes[name], `${PASSWORD} of ${name}`);
  await signIn(somebody, name, kept, totp(kept.secret));
  return somebody;
}

await play(async (browser) => {
  const cleo = await enter(browser, "cleo");
  const { context, page } = cleo;

  // The overview tells what came, what was stopped and how fresh the other member is, in drawings and in tables.
  const legend = (figure, entry) =>
    page.locator("figure").filter({ hasText: figure }).locator("li").filter({ hasText: entry }).waitFor();
  const exchanged = page.locator("figure").filter({ hasText: "Exchanged with other members" });
  await exchanged.locator("li").filter({ hasText: /bank-a 1 came in, \d+ went out/ }).waitFor();
  await exchanged.getByText("Figures").click();
  await exchanged.getByRole("columnheader", { name: "bank-a, came in" }).waitFor();
  assert.match(await exchanged.locator("tbody tr").last().textContent(), /^\d+ \w+1\d+$/);
  await legend("Orders that were stopped", /^challenged 1$/);
  const row = page.getByRole("row", { name: /^bank-a/ });
  for (const drawing of ["Freshness", "What came from bank-a"]) await row.getByRole("img", { name: drawing }).waitFor();
  assert.equal((await ask(context, "/?days=8")).status, 400);

  // What the report of this month holds stands before it is made.
  await page.getByRole("link", { name: "Evidence" }).click();
  await page.getByRole("link", { name: "This month" }).click();
  assert.match(page.url(), /from=\d{4}-\d\d-01&last=/);
  const tile = (title) => page.locator(".tile").filter({ has: page.getByText(title, { exact: true }) }).locator("b");
  assert.equal(await tile("Orders stopped").textContent(), "1");
  assert.equal(await tile("Entries that came in").textContent(), "1");
  assert.ok(Number((await tile("Records").textContent()).replace(/\D/g, "")) > 5);
  await legend("What came in each month", /^screenings \d/);
  await legend("What retention will free", /^content that goes \d/);
  await look(cleo, "evidence");

  // The file, and once more: a form whose answer is a file can be sent again.
  for (const path of [stage.saved, undefined]) {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Make and download the report" }).click(),
    ]);
    assert.match(download.suggestedFilename(), /^report-shop-\d{4}-\d\d-01-\d{4}-\d\d-\d\d\.jsonl$/);
    if (path) await download.saveAs(path);
    assert.equal(await download.failure(), null);
  }

  // Days that are none: refused on the page, and no file comes.
  const today = await page.getByLabel("Last day (UTC)").inputValue();
  const later = new Date(Date.parse(today) + 2 * 86_400_000).toISOString().slice(0, 10);
  const token = await page.locator("input[name=token]").first().inputValue();
  const headers = { "sec-fetch-site": "same-origin" };
  const send = (path, form, of = context) => ask(of, path, { method: "POST", headers, form });
  for (const [days, words] of [
    [{ from: today, last: "2026-01-01" }, /must not lie before the first/],
    [{ from: today, last: later }, /still to come/],
    [{ from: "2020-01-01", last: today }, /exceeds the limit of 366/],
  ]) {
    const answer = await send("/evidence/report", { token, ...days });
    assert.equal(answer.status, 422, JSON.stringify(days));
    assert.match(answer.text, words);
    assert.equal(answer.headers["content-disposition"], undefined);
  }
  assert.equal((await send("/evidence/report", { token, from: HOSTILE })).status, 400);
  assert.equal((await ask(context, `/evidence?from=${encodeURIComponent(HOSTILE)}`)).status, 400);
  await page.goto(`/evidence?from=${today}&last=2026-01-01`);
  await page.getByRole("button", { name: "Make and download the report" }).click();
  await page.getByRole("alert").getByText("The last day must not lie before the first.").waitFor();
  await look(cleo, "evidence-refused");

  // A hold: nobody can write an identifier into it, and what they typed is not shown again.
  await page.goto("/evidence/holds");
  await page.getByRole("heading", { name: "Nothing is held" }).waitFor();
  await look(cleo, "holds-empty");
  await page.getByRole("link", { name: "Place a hold" }).click();
  for (const typed of [CARD, HOSTILE]) {
    await page.getByLabel("Its id or name").fill(typed);
    await page.getByRole("button", { name: "Hold it" }).click();
    await page.getByRole("alert").getByText("That is no id of a decision or case").waitFor();
    assert.ok(!(await page.content()).includes(typed.slice(2)), typed);
  }
  await look(cleo, "hold-new");
  await page.goto(`/evidence/holds/new?name=${stage.decision}`);
  assert.equal(await page.getByLabel("Its id or name").inputValue(), stage.decision);
  await page.locator("#reason").selectOption("complaint");
  await page.getByRole("button", { name: "Hold it" }).click();
  await page.getByRole("status").getByText("Held: nothing of it is erased").waitFor();
  await page.getByText("a customer complains or disputes").waitFor();
  // One that the log knows nothing of stands, and says so.
  const typo = await send("/evidence/holds/new", { token, name: "00".repeat(16), reason: "litigation" });
  assert.equal(typo.status, 303);
  await page.goto("/evidence/holds");
  await page.getByText("holds no decision of this id").waitFor();
  const month = await send("/evidence/holds/new", { token, from: "2026-10-01", last: "2026-10-31", reason: "authority" });
  assert.equal(month.status, 303);
  assert.equal((await send("/evidence/holds/new", { token, from: "2026-10-31", last: "2026-10-01", reason: "authority" })).status, 422);

  // One asks to lift it; the same person does not confirm that.
  await page.goto("/evidence/holds");
  const held = page.getByRole("row", { name: new RegExp(stage.decision) });
  await held.getByRole("link", { name: "Ask to lift" }).click();
  await look(cleo, "hold-lift");
  await page.getByRole("button", { name: "Ask to lift" }).click();
  await page.getByRole("status").getByText("Asked. The hold stands").waitFor();
  await held.getByText("somebody else confirms").waitFor();
  assert.match(await page.locator("tbody tr").first().textContent(), new RegExp(stage.decision), "what waits stands first");
  await look(cleo, "holds");

  // Another one, who proved herself when she signed in, sees who asked, and lifts it.
  const ben = await enter(browser, "ben");
  await ben.page.goto("/evidence");
  await ben.page.getByText("3 holds stand.").waitFor();
  await ben.page.getByRole("link", { name: "All holds" }).click();
  const waiting = ben.page.getByRole("row", { name: new RegExp(stage.decision) });
  await waiting.getByText("cleo as auditor asked").waitFor();
  const confirm = new URL(await waiting.getByRole("link", { name: "Confirm and lift" }).getAttribute("href"), stage.console);
  const own = await send(confirm.pathname, { token });
  assert.equal(own.status, 409);
  assert.match(own.text, /lifting a hold takes two people/i);
  await waiting.getByRole("link", { name: "Confirm and lift" }).click();
  await look(ben, "hold-confirm");
  await ben.page.getByRole("button", { name: "Confirm and lift" }).click();
  await ben.page.getByRole("status").getByText("The hold is lifted.").waitFor();
  assert.equal(await waiting.count(), 0);
  // Two at once: the second one is told that there is nothing to lift any more.
  assert.equal((await send(confirm.pathname, { token })).status, 404);
  assert.equal((await ask(context, "/evidence/holds/zz/lift")).status, 404);

  // The operator places and lifts holds, and reads no report.
  const anna = await enter(browser, "anna");
  await anna.page.goto("/evidence");
  await anna.page.getByRole("heading", { name: "Legal holds" }).waitFor();
  assert.equal(await anna.page.getByRole("heading", { name: "Report of a period" }).count(), 0);
  const annas = await anna.page.locator("input[name=token]").first().inputValue();
  const report = await send("/evidence/report", { token: annas, from: today, last: today }, anna.context);
  assert.equal(report.status, 403);

  for (const who of [cleo, ben, anna]) atPeace(who);
});
