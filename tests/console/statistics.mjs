// An auditor reads figures with their error bars, asks one question, and meets the end of the budget.

import assert from "node:assert/strict";
import { ask, atPeace, look, person, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";

const number = (text) => Number(text.replace(/[^0-9]/g, ""));

/** The figures of a chart's table: label to value. */
async function figures(page, title) {
  const rows = page.locator("figure").filter({ hasText: title }).locator("tbody tr");
  return new Map(await rows.evaluateAll((rows) =>
    rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())).map(([label, ...rest]) => [label, rest])));
}

/** What the budget says, by what it is. */
async function budget(page) {
  const entries = await page.locator("section", { has: page.locator("#budget") }).locator(".legend li").allTextContents();
  return Object.fromEntries(entries.map((text) => text.trim().match(/^(.*) ([0-9.]+)$/).slice(1)));
}

await play(async (browser) => {
  const cleo = await person(browser);
  const { context, page } = cleo;
  const kept = await enrol(cleo, stage.codes.cleo, "Oakmoss ledger tin whistle 41");
  await signIn(cleo, "cleo", kept, totp(kept.secret));

  // What nobody released says what would be here, and how it comes.
  await page.getByRole("link", { name: "Statistics and budget" }).click();
  await page.getByRole("link", { name: "Cases by outcome" }).click();
  await page.getByRole("heading", { name: "Nothing released yet" }).waitFor();
  await look(cleo, "statistics-empty");
  assert.deepEqual(await budget(page), { spent: "0", "kept for the schedule": "0", "free to ask": "2", "in all": "2" });

  // One member released: the sum is of one, and says who is missing.
  await page.getByRole("link", { name: "Warnings by kind" }).click();
  await page.getByRole("figure", { name: "All together: 1 member" }).waitFor();
  await page.getByText("bank-a has released nothing for these days").waitFor();
  const theirs = number((await figures(page, "All together")).get("device")[0]);
  assert.ok(Math.abs(theirs - stage.flagged) < 30, `${theirs} devices of ${stage.flagged}`);

  // A question: the cost and the accuracy stand before it is asked; nothing is spent by looking.
  await page.getByRole("link", { name: "Ask a question" }).click();
  await page.getByLabel("Question").selectOption("published-indicators-by-kind");
  await page.waitForURL("**/statistics/ask?question=published-indicators-by-kind*");
  const today = await page.getByLabel("First day (UTC)").getAttribute("max");
  await page.getByLabel("First day (UTC)").fill("2020-01-01");
  await page.getByRole("button", { name: "Show what it would cost" }).click();
  await page.getByRole("alert").getByText("cannot be asked about any more").waitFor();
  await page.getByLabel("First day (UTC)").fill(today);
  await page.getByLabel("Last day (UTC)").fill(today);
  await page.getByRole("button", { name: "Show what it would cost" }).click();
  await page.getByRole("radio", { name: /costs 1, leaves 1$/ }).check();
  await look(cleo, "statistics-ask");
  assert.equal((await budget(page)).spent, "0");
  const id = await page.locator("input[name=release]").inputValue();
  await page.getByRole("button", { name: "Ask and pay" }).click();
  await page.getByRole("status").getByText("Released. It cost 1").waitFor();
  await page.getByText("one case, or one identifier published without a case, in one quarter").waitFor();
  await look(cleo, "statistics-release");
  const own = number((await figures(page, "Warnings by kind of bank-a")).get("device")[0]);
  assert.ok(Math.abs(own - stage.flagged) < 30, `${own} devices of ${stage.flagged}`);

  // Asked again under its name, it is the same and costs nothing.
  const token = await page.locator("input[name=token]").first().inputValue();
  const headers = { "sec-fetch-site": "same-origin" };
  const form = { token, question: "published-indicators-by-kind", from: today, last: today, release: id, price: "1" };
  const again = await ask(context, "/statistics/ask", { method: "POST", headers, form });
  assert.equal(again.status, 303);
  await page.goto(again.headers.location);
  await page.getByRole("status").getByText("the same figures, and nothing was charged").waitFor();
  assert.equal(number((await figures(page, "Warnings by kind of bank-a")).get("device")[0]), own);
  const other = await ask(context, "/statistics/ask", { method: "POST", headers, form: { ...form, price: "0.5" } });
  assert.equal(other.status, 409);
  assert.match(other.text, /stands for another question/);

  // The sum of both, beside the own figures; noise adds, and so does its half-width.
  await page.getByRole("link", { name: "All members together" }).click();
  await page.getByRole("figure", { name: "All together: 2 members" }).waitFor();
  await page.getByText("Nobody is missing.").waitFor();
  const [sum, , width] = (await figures(page, "All together")).get("device");
  assert.equal(number(sum), theirs + own);
  assert.match(width, /yes|no/);
  const half = (text) => number(text.match(/± (\d+)/)[1]);
  const wider = half(await page.locator("dt", { hasText: "Accuracy of the sum" }).locator("+ dd").textContent());
  const alone = half(await page.locator("dt", { hasText: "Accuracy of your own" }).locator("+ dd").textContent());
  assert.ok(wider > alone && wider < 2 * alone, `${wider} against ${alone}`);
  await look(cleo, "statistics");

  // Down to the other member's release, whose name is as long as one may be.
  await page.getByRole("link", { name: stage.release }).click();
  await page.getByText("what a member says of its own data nobody can check").waitFor();
  await look(cleo, "statistics-release-other");

  // All of them: filtered, a page at a time, and every link keeps the filter.
  await page.goto("/statistics/releases");
  await page.getByLabel("Member").selectOption("bank-b");
  await page.waitForURL("**/statistics/releases?member=bank-b*");
  const rows = page.locator("tbody tr");
  assert.equal(await rows.count(), 50);
  assert.equal(await page.locator("tbody").getByText("yours").count(), 0);
  await look(cleo, "statistics-releases");
  await page.getByRole("link", { name: "Next page" }).click();
  assert.equal(await rows.count(), 6);
  assert.match(page.url(), /member=bank-b&after=/);
  await page.getByRole("link", { name: "First page" }).click();
  await page.goto("/statistics/releases?member=bank-a");
  assert.equal(await rows.count(), 1);
  await page.getByText("yours").waitFor();
  await page.goto("/statistics/releases?member=bank-b&question=sightings-by-kind");
  await page.getByRole("heading", { name: "None like this" }).waitFor();

  // More than is left: refused, nothing is charged, and the page says when there is a new budget.
  await page.goto(`/statistics/ask?question=published-indicators-by-kind&from=${today}&last=${today}`);
  await page.getByRole("radio", { name: /costs 0.5/ }).check();
  await page.getByRole("radio", { name: /costs 0.5/ }).evaluate((radio) => { radio.value = "2"; });
  await page.getByRole("button", { name: "Ask and pay" }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("nothing was charged").waitFor();
  assert.match(await alert.textContent(), /days from 1 (Jan|Apr|Jul|Oct) \d{4} on, which have a new budget/);
  await look(cleo, "statistics-refused");
  assert.equal((await budget(page)).spent, "1");

  // The last of it, and then there is nothing to ask with.
  const last = { ...form, release: "the-last-of-it", price: "1" };
  assert.equal((await ask(context, "/statistics/ask", { method: "POST", headers, form: last })).status, 303);
  await page.goto(`/statistics/ask?question=published-indicators-by-kind&from=${today}&last=${today}`);
  await page.getByRole("heading", { name: "Nothing left to ask with" }).waitFor();
  await page.getByText(/A new budget begins on/).waitFor();
  await look(cleo, "statistics-spent");

  // What is no question, no day and no release leads nowhere.
  for (const [path, status] of [
    ["/statistics?question=who-is-it", 400],
    ["/statistics?days=2026-09-28/2026-10-05", 400],
    ["/statistics/ask?from=yesterday", 400],
    ["/statistics/releases?after=x", 400],
    ["/statistics/releases/1_0_orders-by-decision_bank-b_x", 404],
    ["/statistics/releases/x", 404],
  ]) {
    assert.equal((await ask(context, path)).status, status, path);
  }
  atPeace(cleo);
});
