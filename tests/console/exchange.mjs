// An auditor reads the exchange log, proves a record and takes records along; an analyst looks identifiers up.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ask, atPeace, look, person, play, stage, totp } from "./browser.mjs";
import { enrol, reader, signIn } from "./office.mjs";
import { payloads } from "./payloads.mjs";

const PASSWORD = "Oakmoss ledger tin whistle 41";
const headers = { "sec-fetch-site": "same-origin" };

const rows = (page) => page.locator("table.log tbody tr");
const here = (page) => new URL(page.url());
const numbers = async (page) => (await page.locator("table.log tbody th a").evaluateAll((links) => links.map((link) => Number(link.pathname.split("/")[2]))));

async function log(cleo) {
  const { context, page } = cleo;
  await page.getByRole("link", { name: "Exchange log" }).click();
  await page.getByRole("heading", { name: "Exchange log" }).waitFor();
  assert.equal(await rows(page).count(), 50);
  await look(cleo, "log");

  // Page by page to the end and back; every record once, the newest first.
  let seen = await numbers(page);
  while (await page.getByRole("link", { name: "Next page" }).count()) {
    await page.getByRole("link", { name: "Next page" }).click();
    assert.ok(here(page).searchParams.get("after"));
    seen = seen.concat(await numbers(page));
  }
  assert.ok(seen.length > 60, `${seen.length} records`);
  assert.deepEqual(seen, [...new Set(seen)].sort((one, other) => other - one));
  assert.equal(seen.at(-1), 0);
  await page.getByRole("link", { name: "First page" }).click();
  assert.equal(here(page).search, "");

  // What is chosen stands in the address, and a link shows a colleague the same.
  await page.getByLabel("What", { exact: true }).selectOption({ label: "Deliveries and receipts" });
  await page.getByLabel("Direction").selectOption({ label: "from other members" });
  await page.getByLabel("Member").selectOption("bank-b");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("link", { name: "Show everything" }).waitFor();
  assert.equal(here(page).search, "?topic=feed&direction=came&peer=bank-b");
  const received = await rows(page).locator("th a").allTextContents();
  assert.ok(received.length > 0 && received.every((text) => text === "Received from a member"), received.join());
  assert.equal(await page.getByLabel("Member").inputValue(), "bank-b");
  await look(cleo, "log-filtered");

  // Times are typed in the zone that is read, and mean the same moment in every other.
  await page.goto("/log?zone=America/Sao_Paulo");
  await page.getByLabel("From").fill("2026-01-02T03:04");
  await page.getByLabel("Before").fill("2026-01-02T04:00");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("heading", { name: "Nothing fits" }).waitFor();
  assert.equal(here(page).searchParams.get("from"), "2026-01-02T06:04:00.000Z");
  assert.equal(here(page).searchParams.get("zone"), "America/Sao_Paulo");
  assert.equal(await page.getByLabel("From").inputValue(), "2026-01-02T03:04");
  await look(cleo, "log-empty");
  await page.goto(`/log?from=${new Date(Date.now() - 3_600_000).toISOString()}&topic=screening`);
  assert.ok(await rows(page).count() > 0);

  // An identifier among the words is refused before it stands in an address; one that came in an address is led away from it.
  await page.goto("/log");
  await page.getByLabel("Decision").selectOption("challenge");
  await page.getByLabel("Words").fill(`order ${stage.card}`);
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("status").getByText("looks like an identifier of kind pan").waitFor();
  assert.equal(here(page).search, "?decision=challenge");
  assert.ok(!(await page.content()).includes(stage.card));
  const led = await ask(context, `/log?text=${stage.card}&topic=feed`);
  assert.deepEqual([led.status, led.headers.location], [303, "/log?topic=feed"]);
  const both = await ask(context, `/log?text=${stage.card}&actor=${encodeURIComponent(stage.mail)}`);
  assert.deepEqual([both.status, both.headers.location], [303, "/log"]);
  for (const query of ["topic=nonsense", "direction=up", "from=yesterday", "after=nowhere", "kind=a&kind=b"]) {
    assert.equal((await ask(context, `/log?${query}`)).status, 400, query);
  }

  // What somebody searches for is text wherever it comes back.
  for (const payload of payloads.filter((text) => !text.includes("evil")).filter((_, nth) => nth % 6 === 0)) {
    await page.goto(`/log?text=${encodeURIComponent(payload)}`);
    assert.equal((await page.locator(".chip b").textContent()).trim(), payload.trim());
    assert.equal(await page.getByLabel("Words").inputValue(), payload.trim());
  }
}

async function record(cleo) {
  const { context, page } = cleo;
  await page.goto("/log");
  await page.getByLabel("Words").fill(stage.decision);
  await page.getByRole("button", { name: "Show" }).click();
  await rows(page).getByRole("link", { name: "Order decided" }).click();
  await page.getByRole("heading", { name: "Order decided" }).waitFor();
  const place = here(page).pathname;
  await page.getByRole("heading", { name: "indicator no. 0 in the feed bank-b/all" }).waitFor();
  await page.getByText("The bytes of the proof").click();
  await look(cleo, "log-record");
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByRole("heading", { name: "Checked just now" }).waitFor();
  assert.equal(here(page).pathname, place);
  const held = await page.locator(".checks li .badge").allTextContents();
  assert.ok(held.length >= 12 && !held.includes("fails"), held.join());
  for (const step of ["The entry stands in the signed tree", "The root is signed", "The key is the one the roster names"]) {
    await page.locator(".checks li", { hasText: step }).first().getByText("holds", { exact: true }).waitFor();
  }
  await look(cleo, "log-verified");
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Download the proof" }).click()]);
  assert.equal(download.suggestedFilename(), `${stage.member}-record-${place.split("/")[2]}-proof.json`);
  await download.saveAs(join(stage.folder, "proof.json"));
  await page.getByRole("link", { name: "Everything about the same" }).click();
  assert.equal(here(page).searchParams.get("text"), stage.decision);

  // The first record is old enough to be cosigned by the other member.
  await page.goto("/log/0");
  await page.getByRole("row", { name: /^bank-b witness/ }).waitFor();
  await page.getByRole("row", { name: /^bank-a author/ }).waitFor();
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByText("Every step holds.").waitFor();
  assert.equal(await page.getByRole("link", { name: "Record before" }).count(), 0);
  await page.getByRole("link", { name: "Record after" }).click();
  assert.equal(here(page).pathname, "/log/1");
  for (const nowhere of ["/log/99999999", "/log/-1", "/log/x", "/log/0x1", "/log/99999999/proof"]) {
    assert.equal((await ask(context, nowhere)).status, 404, nowhere);
  }
}

async function take(cleo) {
  const { context, page } = cleo;
  await page.goto("/log?topic=feed&order=oldest");
  const shown = await numbers(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  assert.match(download.suggestedFilename(), /^bank-a-log-\d{4}-\d\d-\d\d\.csv$/);
  await download.saveAs(join(stage.folder, "log.csv"));
  const [first, ...lines] = readFileSync(join(stage.folder, "log.csv"), "utf8").split("\r\n");
  assert.equal(first, "\ufeffindex,time,outcome,action,subject,actor,fields");
  const taken = lines.filter((line) => line).map((line) => Number(line.split(",")[0]));
  assert.deepEqual(taken.slice(0, shown.length), shown);
  const json = await ask(context, "/log/export?form=jsonl&topic=feed&order=oldest");
  assert.equal(json.headers["content-type"], "application/jsonl; charset=utf-8");
  assert.match(json.headers["content-disposition"], /^attachment; filename="bank-a-log-.*\.jsonl"$/);
  const records = json.text.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(records.map(({ index }) => index).slice(0, taken.length), taken);
  assert.ok(records.every(({ action, time }) => action.startsWith("feed.") && time.endsWith("Z")));
  for (const query of ["", "?form=xls"]) assert.equal((await ask(context, `/log/export${query}`)).status, 400, query);

  await page.goto("/log?topic=feed&direction=came");
  await page.getByRole("link", { name: "Report to print" }).click();
  await page.getByRole("heading", { name: "Exchange log of bank-a" }).waitFor();
  await page.getByRole("definition").filter({ hasText: "from other members" }).waitFor();
  assert.ok(await page.locator("table.report tbody tr").count() > 0);
  await look(cleo, "log-report");
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".side").isVisible(), false);
  await page.screenshot({ path: join(process.env.HUSHWIRE_SHOTS, "log-report-print.png"), fullPage: true });
  await page.emulateMedia({ media: "screen" });
}

async function lookUp(otto) {
  const { context, page } = otto;
  const answer = page.getByRole("heading", { name: /you asked about/ });
  const search = async (kind, value) => {
    await page.getByLabel("Kind").selectOption(kind);
    await page.getByLabel("Identifier").fill(value);
    const [response] = await Promise.all([
      page.waitForResponse((response) => response.request().method() === "POST"),
      page.getByRole("button", { name: /^Look up/ }).click(),
    ]);
    const text = await response.text();
    const bare = value.replace(/\s/g, "");
    assert.ok(!text.includes(value) && !text.includes(bare), "what was typed comes back");
    assert.equal(response.headers()["cache-control"], "no-store");
    assert.equal(here(page).href, `${stage.console}/look-up`);
    assert.equal(await page.getByLabel("Identifier").inputValue(), "");
    assert.equal(await page.getByLabel("Kind").inputValue(), kind);
    return response.status();
  };

  // An analyst has no exchange log.
  assert.equal(await page.getByRole("link", { name: "Exchange log" }).count(), 0);
  assert.equal((await ask(context, "/log")).status, 403);
  await page.getByRole("link", { name: "Look up" }).click();
  await page.getByRole("heading", { name: "The answer stands here" }).waitFor();
  for (const [name, value] of [["autocomplete", "off"], ["spellcheck", "false"], ["autocapitalize", "none"]]) {
    assert.equal(await page.getByLabel("Identifier").getAttribute(name), value);
  }
  await look(otto, "look-up");

  assert.equal(await search("pan", "4111111111111112"), 422);
  await page.getByRole("alert").getByText("This is no payment card number: the card number's check digit is wrong.").waitFor();
  await look(otto, "look-up-wrong");

  assert.equal(await search("pan", stage.card.replace(/(.{4})/g, "$1 ").trim()), 200);
  await answer.waitFor();
  await page.getByText("One member warns of it, bank-b: 1 of 1 statement counts now.").waitFor();
  const statement = page.locator("article.statement");
  // What the other member wrote is text.
  assert.equal(await statement.locator("dd.foreign").textContent(), stage.note);
  await statement.getByText("% now, of 90 % as given").waitFor();
  const touched = page.getByRole("region", { name: "Decisions it touched" });
  await touched.getByText("challenge").first().waitFor();
  await touched.getByText("what is said of it was a reason").first().waitFor();
  // The record itself is for auditors.
  assert.equal(await touched.getByRole("link").count(), 0);
  await page.getByText(`hushwire explain`).waitFor();
  await look(otto, "look-up-answer");

  assert.equal(await search("email", stage.mail), 200);
  const own = page.locator("article.statement").first();
  await page.getByText("We alone warn of it: 2 of 2 statements count now.").waitFor();
  await own.getByText("our own").waitFor();
  await own.getByRole("definition").filter({ hasText: /^bank-b$/ }).waitFor();
  await own.getByText("nobody: all have it").waitFor();
  await look(otto, "look-up-own");

  assert.equal(await search("email", stage.typed), 200);
  await page.getByText("Nobody says anything of it.").waitFor();
  await look(otto, "look-up-nothing");
  assert.equal(await search("ip", "192.168.0.1"), 200);
  await page.getByText("This stands for nobody in particular").waitFor();

  // Neither an address nor a form without its fields is an answer.
  const token = await page.locator("input[name=token]").first().inputValue();
  for (const form of [{ token }, { token, kind: "nonsense", value: "x" }, { token, kind: "pan" }]) {
    assert.equal((await ask(context, "/look-up", { method: "POST", headers, form })).status, 400, JSON.stringify(form));
  }
  const addressed = await ask(context, `/look-up?kind=email&value=${encodeURIComponent(stage.mail)}`);
  assert.ok(addressed.status === 200 && !addressed.text.includes(stage.mail) && addressed.text.includes("The answer stands here"));
  await page.goto("/look-up");
  await page.getByRole("heading", { name: "The answer stands here" }).waitFor();
}

await play(async (browser) => {
  const cleo = await person(browser);
  const cleos = await enrol(cleo, stage.codes.cleo, PASSWORD);
  await signIn(cleo, "cleo", cleos, totp(cleos.secret));
  await log(cleo);
  await record(cleo);
  await take(cleo);

  const otto = await person(browser);
  const ottos = await enrol(otto, stage.codes.otto, `${PASSWORD} of otto`);
  await signIn(otto, "otto", ottos, totp(ottos.secret));
  await lookUp(otto);

  // An auditor gets from a decision to its record, and all of it works without script.
  const plain = await person(browser, { javaScriptEnabled: false });
  await signIn(plain, "cleo", cleos, cleos.recovery[0]);
  assert.equal(await reader(plain), "cleo");
  await plain.page.goto("/look-up");
  await plain.page.getByLabel("Kind").selectOption("pan");
  await plain.page.getByLabel("Identifier").fill(stage.card);
  await plain.page.getByRole("button", { name: "Look up" }).click();
  await plain.page.getByRole("region", { name: "Decisions it touched" }).getByRole("link").first().click();
  await plain.page.getByRole("button", { name: "Verify now" }).click();
  await plain.page.getByRole("heading", { name: "Checked just now" }).waitFor();
  await plain.page.goto("/log");
  await plain.page.getByLabel("Decision").selectOption("challenge");
  await plain.page.getByRole("button", { name: "Show" }).click();
  await plain.page.waitForURL("**/log?decision=challenge");

  for (const who of [cleo, otto, plain]) atPeace(who);
  writeFileSync(join(stage.folder, "cleo.json"), JSON.stringify(cleos));
});
