// Anna watches the rules and fills the own lists; Cleo reads the rules and no list.

import assert from "node:assert/strict";
import { ask, atPeace, look, person, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";

const HOSTILE = `"><img src=x onerror=alert(1)><script>alert(1)</script>`;

async function atWork(browser, name) {
  const somebody = await person(browser);
  const kept = await enrol(somebody, stage.codes[name], `Oakmoss tin whistle of ${name} 41`);
  await signIn(somebody, name, kept, totp(kept.secret));
  await somebody.page.getByRole("heading", { name: "Day by day" }).waitFor();
  return somebody;
}

await play(async (browser) => {
  const anna = await atWork(browser, "anna");
  const { page, context } = anna;
  const rules = () => page.getByRole("region", { name: "Rules of the policy" });
  const rule = (name) => rules().getByRole("row").filter({ hasText: name });

  // What decides, what is on trial, what sleeps; each with what it did.
  await page.getByRole("link", { name: "Policy", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Policy" }).waitFor();
  assert.match(await rule("always_ask").textContent(), /challenge.*decides/s);
  assert.match(await rule("on_trial").textContent(), /block.*on trial/s);
  assert.match(await rule("tired").textContent(), /hold.*snoozed.*until 2099-01-01/s);
  const number = async (name, label) => Number((await rule(name).locator(`[data-label="${label}"]`).textContent()).replace(/\D/g, ""));
  assert.ok((await number("always_ask", "Fired, counted")) >= 3, "each order was recorded");
  assert.equal(await number("on_trial", "Fired, counted"), 0);
  assert.ok((await number("on_trial", "Fired, not counted")) >= 3);
  assert.ok((await number("tired", "Fired, not counted")) >= 2);
  assert.ok((await number("tired", "Since start")) >= 2);
  await page.getByText(stage.hostile).first().waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  await page.locator("figure .legend").getByText("always ask").waitFor();
  await page.getByText("A newer rule set was refused.").waitFor();
  await look(anna, "policy");
  await page.goto("/policy?mode=shadow&days=7");
  assert.deepEqual(await rules().locator("th.rule > span").allTextContents(), ["on_trial"]);
  assert.equal(await page.locator("nav.segments [aria-current]").textContent(), "7 days");
  await page.getByLabel("Asks for").selectOption("hold");
  await page.getByText("No such rule").waitFor();
  assert.match(page.url(), /mode=shadow.*days=7|days=7.*mode=shadow/);
  for (const wrong of ["mode=odd", "days=8", "decision=allow", "after=x"]) {
    assert.equal((await ask(context, `/policy?${wrong}`)).status, 400, wrong);
  }

  // The candidate would have blocked every order it was asked about.
  await page.goto("/policy");
  await page.getByText(/own\/9 was asked about \d+ orders/).waitFor();
  const row = page.getByRole("region", { name: "Candidate against what decides" }).getByRole("row").filter({ hasText: "challenge" }).last();
  const cells = (await row.locator("td").allTextContents()).map(Number);
  assert.deepEqual(cells.slice(0, 3), [0, 0, 0]);
  assert.ok(cells[3] >= 3);

  // The past, by hash; what the newer one changed.
  const past = page.getByRole("region", { name: "Rule sets that were in force" });
  assert.deepEqual(await past.locator("tbody th").allTextContents(), ["own/2", "own/1"]);
  await past.getByText("in force", { exact: true }).waitFor();
  const [first, second] = stage.digests;
  await past.getByRole("link", { name: "own/2" }).click();
  assert.equal(new URL(page.url()).pathname, `/policy/${second}`);
  await page.getByText("new: it asks for a hold").waitFor();
  assert.match(await page.locator("pre.text").textContent(), /snoozed_until = 2099-01-01T00:00:00Z # too many/);
  await look(anna, "policy-set");
  await page.getByRole("link", { name: first }).click();
  await page.getByText("of the past").waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  assert.equal((await ask(context, `/policy/${"0".repeat(64)}`)).status, 404);
  assert.equal((await ask(context, "/policy/odd")).status, 404);

  // The own lists: empty, refused, filled, taken off. What is typed comes back nowhere.
  await page.getByRole("link", { name: "Own lists", exact: true }).click();
  await page.getByText("Both lists are empty").waitFor();
  await look(anna, "lists-empty");
  await page.getByRole("link", { name: "Put on a list" }).click();
  await look(anna, "lists-add");
  const fill = async (list, kind, value, reason, note) => {
    await page.getByLabel("Orders with it").selectOption(list);
    await page.getByLabel("It is a").selectOption(kind);
    await page.getByLabel("The value").fill(value);
    await page.getByLabel("Why").selectOption(reason);
    await page.getByLabel("Note").fill(note);
    await page.getByRole("button", { name: "Put on the list" }).click();
  };
  await fill("block", "pan", "4539578763621487", "own-fraud", "first try");
  await page.getByRole("alert").waitFor();
  assert.ok(!(await page.content()).includes("4539578763621487"), "what was typed is not repeated");
  assert.equal(await page.getByLabel("The value").inputValue(), "");
  assert.deepEqual([await page.getByLabel("Orders with it").inputValue(), await page.getByLabel("Note").inputValue()], ["block", "first try"]);
  await look(anna, "lists-refused");
  await fill("block", "email", stage.bad, "own-fraud", "call 4111 1111 1111 1111");
  await page.getByRole("alert").getByText("must not hold identifiers").waitFor();
  assert.ok(!(await page.content()).includes("4111 1111"), "a note that holds an identifier is not repeated either");
  await fill("block", "email", stage.bad, "own-fraud", HOSTILE);
  await page.getByRole("status").getByText("From now on an order with this e-mail address always is refused").waitFor();
  await page.goto("/lists/add");
  await fill("allow", "device", stage.good, "known-customer", "a terminal of ours");
  await page.getByRole("status").getByText("From now on an order with this device always passes").waitFor();
  assert.equal(new URL(page.url()).search, "");
  const entries = page.getByRole("region", { name: "Entries of the own lists" });
  await entries.getByText(HOSTILE).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  assert.match(await entries.getByRole("row").filter({ hasText: "a terminal of ours" }).textContent(), /[0-9a-f]{12}….*always passes.*device.*we know whose it is.*in (29|30) days/s);
  assert.ok(!(await page.content()).includes(stage.good) && !(await page.content()).includes("listed.by.hand"));
  await look(anna, "lists");
  await page.goto("/lists?list=allow");
  assert.equal(await entries.getByRole("row").count(), 2, "the head and one entry");
  await page.goto("/lists?list=block");
  await entries.getByRole("link", { name: /^Take off/ }).click();
  await look(anna, "lists-remove");
  await page.getByRole("button", { name: "Take off" }).click();
  await page.getByRole("status").getByText("Taken off").waitFor();
  assert.equal(await entries.getByRole("row").count(), 2);
  assert.equal((await ask(context, `/lists/block/${"0".repeat(64)}/remove`)).status, 404);
  assert.equal((await ask(context, "/lists?list=grey")).status, 400);

  // An auditor reads the rules and no list.
  const cleo = await atWork(browser, "cleo");
  await cleo.page.goto("/policy");
  await cleo.page.getByRole("heading", { level: 1, name: "Policy" }).waitFor();
  assert.equal(await cleo.page.getByRole("link", { name: "Own lists" }).count(), 0);
  assert.equal((await ask(cleo.context, "/lists")).status, 403);

  for (const who of [anna, cleo]) atPeace(who);
});
