// A visitor of the demo signs in with what it printed.

import assert from "node:assert/strict";
import { atPeace, look, person, picture, play, stage } from "./browser.mjs";
import { reader, signIn } from "./office.mjs";

await play(async (browser) => {
  const visitor = await person(browser);
  const { page } = visitor;
  await signIn(visitor, stage.name, stage, stage.recovery[0]);
  assert.equal(await reader(visitor), stage.name);
  for (const member of ["bank-a", "bank-b"]) {
    const row = page.getByRole("row", { name: new RegExp(`^${member}`) });
    await row.getByText("connected").waitFor();
  }
  // The story's orders that were stopped.
  const stopped = page.locator("figure").filter({ hasText: "Orders that were stopped" });
  for (const decision of ["challenged", "held", "blocked"]) {
    await stopped.locator("li").filter({ hasText: new RegExp(`^${decision} [1-9]`) }).waitFor();
  }
  await look(visitor, "demo-overview");
  await picture(visitor, "overview");
  // The one statistic of the story, as the shop reads it.
  await page.goto("/statistics");
  await page.getByRole("figure", { name: "All together: 1 member" }).waitFor();
  await page.getByText("demo-first-release").waitFor();
  await look(visitor, "demo-statistics");
  await picture(visitor, "statistics");
  await page.goto("/evidence");
  await look(visitor, "demo-evidence");
  await picture(visitor, "evidence");

  // What it did, and the proof of one of its decisions.
  await page.goto("/log");
  await look(visitor, "demo-log");
  await picture(visitor, "exchange-log");
  await page.getByLabel("What", { exact: true }).selectOption({ label: "Decisions" });
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByRole("link", { name: "Order decided" }).first().click();
  await page.getByRole("heading", { name: "Order decided" }).waitFor();
  await page.getByRole("button", { name: "Verify now" }).click();
  await page.getByRole("heading", { name: "Checked just now" }).waitFor();
  assert.ok(!(await page.locator(".checks li .badge").allTextContents()).includes("fails"));
  await look(visitor, "demo-record");
  await picture(visitor, "record");
  // What bank A flagged, looked up by whoever holds it.
  await page.goto("/look-up");
  await page.getByLabel("Kind").selectOption("email");
  await page.getByLabel("Identifier").fill(stage.email);
  await page.getByRole("button", { name: "Look up" }).click();
  await page.getByText("One member warns of it, bank-a").waitFor();
  await look(visitor, "demo-look-up");
  await picture(visitor, "look-up");
  // Orders that wait, and one of them with its evidence.
  await page.goto("/cases");
  await look(visitor, "demo-cases");
  await page.goto("/cases?state=all");
  await page.locator("tbody th a.ref").first().click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await look(visitor, "demo-case");
  await picture(visitor, "case");
  for (const [path, name] of [
    ["/indicators", "demo-indicators"],
    ["/held-back", "demo-held-back"],
    ["/policy", "demo-policy"],
    ["/lists", "demo-lists"],
    ["/members", "demo-members"],
    ["/users", "demo-users"],
  ]) {
    await page.goto(path);
    await look(visitor, name);
    if (path === "/members") await picture(visitor, "members");
  }
  atPeace(visitor);
});
