// Anna and Ben work the inbox: filter, drill down, prove, write, hand over, race each other, and release a block together.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { ask, atPeace, look, person, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";

const HOSTILE = `=1+1 "><img src=x onerror=alert(1)><script>alert(1)</script>`;
const here = { "sec-fetch-site": "same-origin" };
const { both, one, withdrawn, held, raced, blocked, late } = stage.cases;

/** Somebody signed in. */
async function atWork(browser, name, options) {
  const somebody = await person(browser, options);
  const kept = await enrol(somebody, stage.codes[name], `Oakmoss tin whistle of ${name} 41`);
  await signIn(somebody, name, kept, totp(kept.secret));
  await somebody.page.getByRole("heading", { name: "Day by day" }).waitFor();
  return { ...somebody, kept };
}

/** Opens a case by its reference. */
async function open({ page }, reference) {
  await page.goto("/cases");
  await page.getByLabel("Reference the customer quotes").fill(reference);
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByRole("heading", { level: 1, name: `Case ${reference}` }).waitFor();
  return new URL(page.url()).pathname;
}

const values = (page, selector) => page.locator(selector).allTextContents();
const references = async (page) => (await values(page, "tbody th a.ref")).sort();

await play(async (browser) => {
  const anna = await atWork(browser, "anna");
  const ben = await atWork(browser, "ben");
  const { page, context } = anna;

  // The inbox: whatever waits, with what its timer will do; each view is an address.
  await page.getByRole("link", { name: "Cases", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Cases" }).waitFor();
  for (const reference of Object.values(stage.cases)) {
    await page.getByRole("row").filter({ hasText: reference }).getByText(/^in 2[34] h/).waitFor();
  }
  assert.match(await page.getByRole("row").filter({ hasText: held }).textContent(), /hold.*12.999\.50 EUR.*nobody.*then refused/s);
  await look(anna, "cases");
  // A page at a time, each named by where it begins: nothing twice, nothing left out.
  const counted = Number((await page.getByRole("link", { name: /^Waiting \d+/ }).textContent()).replace(/\D/g, ""));
  const first = await references(page);
  assert.equal(first.length, 50);
  await page.getByRole("link", { name: "Next page" }).click();
  await page.waitForURL("**/cases?after=*");
  const rest = await references(page);
  assert.equal(new Set([...first, ...rest]).size, first.length + rest.length);
  assert.equal(first.length + rest.length, counted);
  await page.getByRole("link", { name: "First page" }).click();
  await page.waitForURL("**/cases");
  assert.deepEqual(await references(page), first);
  const shown = async (query) => {
    await page.goto(`/cases?${query}`);
    return references(page);
  };
  assert.deepEqual((await shown("decision=challenge")).filter((reference) => [one, withdrawn].includes(reference)), [one, withdrawn].sort());
  assert.ok(!(await references(page)).includes(blocked));
  assert.deepEqual(await shown("assignee=anna"), []);
  await page.getByText("Nothing fits").waitFor();
  assert.deepEqual(await shown("state=decided"), []);
  await page.getByText("None yet").waitFor();
  await look(anna, "cases-none");
  assert.deepEqual(await shown("age=over-an-hour"), []);
  assert.ok((await shown("age=hour")).includes(held));
  await page.getByLabel("Stopped by").selectOption("hold");
  await page.waitForURL("**/cases?*decision=hold*");
  assert.ok((await references(page)).includes(held) && !(await references(page)).includes(both));
  for (const wrong of ["state=odd", "decision=allow", "assignee=ANNA", "age=1", "customer=c", "after=x"]) {
    assert.equal((await ask(context, `/cases?${wrong}`)).status, 400, wrong);
  }

  // Found by what the customer quotes, however it is spoken, and by the order's own number, which stands in no address.
  await page.goto("/cases");
  const find = async (what) => {
    await page.getByLabel("Reference the customer quotes").fill(what);
    await page.getByRole("button", { name: "Find" }).click();
  };
  await find(blocked.toLowerCase().replace("-", " "));
  await page.getByRole("heading", { name: `Case ${blocked}` }).waitFor();
  await page.goto("/cases");
  await find(stage.order);
  await page.getByRole("heading", { name: `Case ${both}` }).waitFor();
  assert.ok(!page.url().includes("order"));
  const path = new URL(page.url()).pathname;
  await page.goto("/cases");
  await find("nobody-knows-this");
  await page.getByRole("status").getByText("No case has this reference").waitFor();
  assert.equal((await ask(context, `/cases/${"0".repeat(32)}`)).status, 404);

  // One case: who said what, whether it still counts, why, and the proofs of it.
  await page.goto(path);
  for (const member of ["bank-a", "bank-b"]) {
    const row = page.getByRole("region", { name: "What others said" }).getByRole("row").filter({ hasText: member }).filter({ hasText: "e-mail address" });
    await row.getByText("counts", { exact: true }).waitFor();
    assert.match(await row.textContent(), /e-mail address.*high; its author confirmed it.*90 %.*entry \d+ of its feed “all”/s);
  }
  await page.getByText("corroborated indicator").waitFor();
  await page.getByText("2 members flag the").waitFor();
  await page.getByText("What the decision looked at").click();
  await page.getByRole("cell", { name: "mailbox" }).first().waitFor();
  assert.ok(!(await page.content()).includes("two.say"), "no value is shown");
  await look(anna, "case");
  await page.getByRole("link", { name: "Check the proofs" }).click();
  await page.getByText("Everything that was checked is in order.").waitFor();
  assert.equal(await page.getByText("It speaks of a value that this order was looked up by.").count(), 4);
  await look(anna, "case-proof");
  const proof = await ask(context, `${path}/proof.json`);
  assert.equal(proof.status, 200);
  assert.match(proof.headers["content-disposition"], new RegExp(`decision-${both}\\.json`));
  assert.ok(proof.text.startsWith(`{"format":"hushwire-decision-proof"`));
  writeFileSync(stage.proof, proof.text);
  await open(anna, withdrawn);
  await page.getByText("withdrawn since").first().waitFor();
  assert.equal(await page.getByRole("link", { name: /^Dispute/ }).count(), 0, "there is nothing left to dispute");
  await open(anna, late);
  await page.getByText("This order had been let pass and was flagged afterwards.").waitFor();
  await page.getByText("such answers are only counted").waitFor();
  await look(anna, "case-late");

  // What another member said is disputed, and the dispute taken back.
  await page.goto(path);
  await page.getByRole("link", { name: /^Dispute entry \d+ of bank-b/ }).first().click();
  await look(anna, "case-dispute");
  await page.getByLabel("What is wrong with it").selectOption("genuine-customer");
  await page.getByRole("button", { name: "Dispute it" }).click();
  await page.getByRole("status").getByText("Disputed. bank-b is told").waitFor();
  await page.getByText("disputed by you", { exact: true }).waitFor();
  await page.getByText("not counted here").waitFor();
  await page.getByRole("link", { name: /^Take back entry \d+ of bank-b/ }).click();
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.getByRole("status").getByText("The dispute is taken back.").waitFor();
  assert.equal(await page.getByText("disputed by you").count(), 0);
  assert.equal((await ask(context, `${path}/dispute/${"0".repeat(64)}`)).status, 404);

  // The other cases of the same customer, by a fingerprint.
  await open(anna, one);
  await page.getByRole("link", { name: "all cases of this customer" }).click();
  const ofCustomer = await references(page);
  assert.ok(ofCustomer.includes(one) && ofCustomer.includes(both) && !ofCustomer.includes(held));
  assert.match(page.url(), /customer=[0-9a-f]{64}$/);

  // Notes: no identifiers, and nothing typed is lost; whatever stands in one is text.
  await open(anna, held);
  await page.getByLabel("Add a note").fill("called 4111 1111 1111 1111");
  await page.getByRole("button", { name: "Keep the note" }).click();
  await page.getByRole("alert").getByText("must not hold identifiers").waitFor();
  assert.equal(await page.getByLabel("Add a note").inputValue(), "called 4111 1111 1111 1111");
  await look(anna, "case-note-refused");
  await page.getByLabel("Add a note").fill(HOSTILE);
  await page.getByRole("button", { name: "Keep the note" }).click();
  await page.locator(".trail").getByText(HOSTILE).waitFor();
  assert.equal(await page.locator("main img").count(), 0);

  // Taken, given, put back.
  await page.getByRole("button", { name: "Take this case" }).click();
  await page.getByRole("status").getByText("The case is yours.").waitFor();
  assert.deepEqual(await shown("assignee=anna"), [held]);
  await open(anna, held);
  await page.getByLabel("Give to").selectOption("ben");
  await page.getByRole("button", { name: "Give", exact: true }).click();
  await page.getByRole("status").getByText("The case is ben’s.").waitFor();
  await page.getByRole("button", { name: "Put back for everybody" }).click();
  await page.getByRole("status").getByText("put back").waitFor();
  await page.locator(".trail").getByText("gave the case to ben").waitFor();
  const token = await page.locator("input[name=token]").first().inputValue();
  const heldPath = new URL(page.url()).pathname;
  const revision = await page.locator("input[name=revision]").first().inputValue();
  for (const to of ["4111111111111111", "nobody-here", "cleo"]) {
    const answer = await ask(context, `${heldPath}/assign`, { method: "POST", headers: here, form: { token, revision, to } });
    assert.equal(answer.status, 400, to);
  }

  // Both at once: Anna asks whether to release, Ben refuses meanwhile. She is told, and nothing of his is lost.
  const racedPath = await open(anna, raced);
  await page.getByRole("link", { name: "Release", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "Release" }).waitFor();
  await look(anna, "case-release");
  await ben.page.goto(`${racedPath}/refuse`);
  await ben.page.getByRole("button", { name: "Refuse" }).click();
  await ben.page.getByRole("status").getByText("The order is refused.").waitFor();
  await page.getByRole("button", { name: "Release", exact: true }).click();
  const told = page.getByRole("alert");
  await told.getByText("The case changed while you looked at it: ben as analyst refused the order.").waitFor();
  await told.getByText("Nothing of yours was carried out.").waitFor();
  await page.locator(".lead").getByText("refused").waitFor();
  await look(anna, "case-changed");
  // A note does not mind what happened meanwhile.
  await page.getByLabel("Add a note").fill("I would have released it");
  await page.getByRole("button", { name: "Keep the note" }).click();
  await page.locator(".trail").getByText("I would have released it").waitFor();
  await page.goto(`${racedPath}/release`);
  await page.getByRole("status").getByText("This cannot be done any more").waitFor();
  await page.getByRole("link", { name: "Open again" }).click();
  await page.getByRole("button", { name: "Open again" }).click();
  await page.getByRole("status").getByText("The case is open again.").waitFor();

  // A block takes two. Anna asks, and cannot confirm by any way; Ben looks, and confirms.
  const blockedPath = await open(anna, blocked);
  await page.getByRole("link", { name: "Ask to release" }).click();
  await page.getByRole("button", { name: "Ask to release" }).click();
  await page.getByText("You asked to release this block.").waitFor();
  assert.equal(await page.getByRole("link", { name: "Confirm the release" }).count(), 0);
  await look(anna, "case-asked");
  await page.goto(`${blockedPath}/confirm`);
  await page.getByRole("status").getByText("somebody else has to confirm").waitFor();
  const seen = await page.locator("input[name=revision]").first().inputValue();
  const alone = await ask(context, `${blockedPath}/confirm`, { method: "POST", headers: here, form: { token, revision: seen } });
  assert.equal(alone.status, 409);
  assert.match(alone.text, /takes two people/);
  await ben.page.goto("/cases?state=release_asked");
  assert.deepEqual(await references(ben.page), [blocked]);
  assert.equal(await ben.page.getByRole("link", { name: "For a second person 1" }).count(), 1);
  await ben.page.goto(blockedPath);
  await ben.page.getByText("anna asked to release this block.").waitFor();
  await ben.page.getByRole("link", { name: "Confirm the release" }).click();
  await look(ben, "case-confirm");
  await ben.page.getByRole("button", { name: "Confirm the release" }).click();
  await ben.page.getByRole("status").getByText("The order is released.").waitFor();
  await ben.page.locator(".trail").getByText("confirmed the release of the block").waitFor();

  // What it was, said afterwards; fraud ends what is open.
  await ben.page.getByRole("link", { name: "It was genuine" }).click();
  await ben.page.getByRole("button", { name: "It was genuine" }).click();
  await ben.page.getByRole("status").getByText("Noted: the order was genuine.").waitFor();
  await open(ben, one);
  await ben.page.getByRole("link", { name: "It was fraud" }).click();
  await ben.page.getByRole("button", { name: "It was fraud" }).click();
  await ben.page.locator(".clock").getByText("because it was reported as fraud").waitFor();
  await look(ben, "case-decided");
  await page.goto("/cases?state=decided");
  assert.deepEqual((await references(page)).filter((reference) => [one, blocked].includes(reference)), [one, blocked].sort());
  await look(anna, "cases-decided");

  // Who is no analyst sees none of it; forms of others change nothing.
  const cleo = await atWork(browser, "cleo");
  assert.equal(await cleo.page.getByRole("link", { name: "Cases", exact: true }).count(), 0);
  assert.equal((await ask(cleo.context, heldPath)).status, 403);
  for (const step of ["release", "refuse", "note", "assign"]) {
    const form = { token: "x", revision: "1", note: "x", to: "" };
    assert.equal((await ask(context, `${heldPath}/${step}`, { method: "POST", headers: here, form })).status, 403, step);
  }
  assert.equal((await ask(context, `${heldPath}/explode`)).status, 404);

  // Without script: the filter, a note and a step.
  const plain = await person(browser, { javaScriptEnabled: false });
  await signIn(plain, "ben", ben.kept, ben.kept.recovery[0]);
  await plain.page.goto("/cases");
  await plain.page.getByLabel("Stopped by").selectOption("hold");
  await plain.page.getByRole("button", { name: "Show" }).click();
  assert.ok((await references(plain.page)).includes(held) && !(await references(plain.page)).includes(both));
  await plain.page.goto(heldPath);
  await plain.page.getByLabel("Add a note").fill("written without script");
  await plain.page.getByRole("button", { name: "Keep the note" }).click();
  await plain.page.getByText("written without script").waitFor();
  await plain.page.getByRole("link", { name: "Refuse" }).click();
  await plain.page.getByRole("button", { name: "Refuse" }).click();
  await plain.page.getByText("The order is refused.").waitFor();

  for (const who of [anna, ben, cleo, plain]) atPeace(who);
});
