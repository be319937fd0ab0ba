// A log longer than a report may be: the report is refused rather than cut, and the table for a spreadsheet is whole.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ask, atPeace, person, play, stage } from "./browser.mjs";
import { reader, signIn } from "./office.mjs";

await play(async (browser) => {
  const cleo = await person(browser);
  const { context, page } = cleo;
  const kept = JSON.parse(readFileSync(join(stage.folder, "cleo.json"), "utf8"));
  await signIn(cleo, "cleo", kept, kept.recovery[1]);
  assert.equal(await reader(cleo), "cleo");

  await page.goto("/log?topic=indicator");
  await page.getByRole("link", { name: "Report to print" }).click();
  await page.getByRole("status").getByText(/^\s*More than 2.000 records fit/).waitFor();
  assert.equal(new URL(page.url()).search, "?topic=indicator");
  assert.equal(await page.locator("table.log tbody tr").count(), 50);

  const all = await ask(context, "/log/export?form=csv&topic=indicator");
  const lines = all.text.trim().split("\r\n").slice(1);
  assert.ok(lines.length > 2_000, `${lines.length} lines`);
  assert.equal(new Set(lines.map((line) => line.split(",")[0])).size, lines.length);
  assert.ok(lines.every((line) => line.includes(",indicator.published,")));

  // What was refused is recorded by nobody; the look at the list is.
  const taken = await ask(context, "/log/export?form=jsonl&topic=audit");
  const extracts = taken.text.trim().split("\n").map((line) => JSON.parse(line)).filter(({ action }) => action === "audit.extracted");
  assert.ok(!extracts.some(({ fields }) => fields.form === "report" && fields.actions === "indicator"));
  assert.ok(extracts.some(({ fields }) => fields.form === "csv" && Number(fields.records) === lines.length));
  atPeace(cleo);
});
