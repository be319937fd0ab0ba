// A visitor of the demo signs in with what it printed.

import assert from "node:assert/strict";
import { atPeace, look, person, play, stage } from "./browser.mjs";
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
  // The one statistic of the story, as the shop reads it.
  await page.goto("/statistics");
  await page.getByRole("figure", { name: "All together: 1 member" }).waitFor();
  await page.getByText("demo-first-release").waitFor();
  await look(visitor, "demo-statistics");
  await page.goto("/evidence");
  await look(visitor, "demo-evidence");
  atPeace(visitor);
});
