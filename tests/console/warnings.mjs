// A publisher takes a warning back and defends another; an analyst and an operator lift what is held back; an auditor reads who
// takes part, and the proof against a member that lied.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { ask, atPeace, look, person, picture, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";

const headers = { "sec-fetch-site": "same-origin" };

async function arrive(browser, name) {
  const somebody = await person(browser);
  const kept = await enrol(somebody, stage.codes[name], `Oakmoss tin whistle ${name} 41`);
  await signIn(somebody, name, kept, totp(kept.secret));
  await somebody.page.getByRole("heading", { name: "Day by day" }).waitFor();
  somebody.token = await somebody.page.locator("input[name=token]").first().inputValue();
  somebody.pages = await somebody.page.locator(".side a").allTextContents();
  return somebody;
}

/** Names and values of a list of facts. */
async function fact({ page }, title) {
  const value = page.locator("dt").filter({ hasText: title }).locator("xpath=following-sibling::dd[1]");
  return (await value.first().textContent()).trim();
}

/** Checks a C2SP signed note with its author's key, by nothing of ours. */
function signedBy(note, keys) {
  const [text, signatures] = note.split(/\n\n/, 2);
  return keys.some((key) => {
    const [, name, , encoded] = key.match(/^(.+)\+([0-9a-f]{8})\+(.+)$/);
    const raw = Buffer.from(encoded, "base64");
    assert.deepEqual([raw[0], raw.length], [1, 33], "an Ed25519 key");
    const der = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw.subarray(1)]);
    const lines = signatures.split("\n").filter((line) => line.startsWith(`— ${name} `));
    return lines.some((line) => {
      const signature = Buffer.from(line.split(" ").at(-1), "base64").subarray(4);
      return verify(null, Buffer.from(`${text}\n`), createPublicKey({ key: der, format: "der", type: "spki" }), signature);
    });
  });
}

async function publishers(browser) {
  const pia = await arrive(browser, "pia");
  const { context, page, token } = pia;
  assert.ok(pia.pages.includes("Indicators") && !pia.pages.includes("Held back") && !pia.pages.includes("Members and keys"));

  // All of them are there, a page at a time, each once.
  await page.goto("/indicators");
  await page.getByRole("heading", { name: "A dispute waits for an answer" }).waitFor();
  const names = async () => page.locator("tbody th a").evaluateAll((links) => links.map((link) => link.pathname));
  const first = await names();
  await page.getByRole("link", { name: "Next page" }).click();
  await page.getByRole("link", { name: "First page" }).waitFor();
  const all = new Set([...first, ...(await names())]);
  assert.equal(first.length, 50);
  assert.ok(all.size === 62, `${all.size}`);

  // Filters stand in the address; a menu takes effect at once, and keeps the others and the zone.
  await page.goto("/indicators?zone=Europe/Berlin");
  await page.getByLabel("What it is about").selectOption("phone");
  await page.waitForURL((url) => url.searchParams.get("kind") === "phone");
  assert.equal(new URL(page.url()).searchParams.get("zone"), "Europe/Berlin");
  assert.match(await page.locator("tbody td[data-label=Said]").first().textContent(), /CET|CEST/);
  assert.equal(await page.locator("tbody tr").count(), 1);
  await look(pia, "indicators-filtered");
  await page.goto("/indicators?state=retracted");
  await page.getByRole("heading", { name: "None fits" }).waitFor();
  await look(pia, "indicators-none");
  await page.goto("/indicators?said=disputed");
  await look(pia, "indicators");
  await picture(pia, "indicators");
  assert.deepEqual(await names(), [`/indicators/${stage.disputed}`]);
  for (const wrong of ["state=alive", "kind=card", "said=x", "after=x", "state=live&state=live"]) {
    assert.equal((await ask(context, `/indicators?${wrong}`)).status, 400, wrong);
  }
  for (const nowhere of ["ab", stage.disputed.toUpperCase(), "0".repeat(64), `${stage.disputed}0`]) {
    assert.equal((await ask(context, `/indicators/${nowhere}`)).status, 404, nowhere);
  }

  // One of them: who has it, who disputes it, until when; standing by it.
  await page.locator("tbody th a").click();
  await page.getByRole("row", { name: /^shop has it/ }).waitFor();
  const dispute = page.getByRole("row", { name: /^shop the number or address has passed/ });
  await dispute.getByText("waits for an answer").waitFor();
  await dispute.getByText(/in 6 days|in 7 days/).waitFor();
  await look(pia, "indicator");
  await page.getByRole("link", { name: "Stand by it" }).click();
  await page.getByRole("heading", { name: "Stand by this warning?" }).waitFor();
  await look(pia, "indicator-answer");
  await page.getByRole("button", { name: "Stand by it" }).click();
  await page.getByRole("status").getByText("You stand by it.").waitFor();
  await dispute.getByText("answered: it stays").waitFor();
  const again = await ask(context, `/indicators/${stage.disputed}/answer/shop`, { method: "POST", headers, form: { token } });
  assert.equal(again.status, 303);
  await page.reload();
  await page.getByRole("status").getByText("It waited for no answer any more").waitFor();
  for (const member of ["bank-b", "nobody", "%3Cb%3E"]) {
    assert.equal((await ask(context, `/indicators/${stage.disputed}/answer/${member}`)).status, 404, member);
  }

  // Taking one back: not without a reason, and once.
  await page.goto(`/indicators/${stage.wrong}`);
  await page.getByRole("link", { name: "Take it back" }).click();
  await look(pia, "indicator-retract");
  for (const reason of [{}, { reason: "superseded" }, { reason: "<b>" }]) {
    const answer = await ask(context, `/indicators/${stage.wrong}/retract`, { method: "POST", headers, form: { token, ...reason } });
    assert.equal(answer.status, 422, JSON.stringify(reason));
    assert.match(answer.text, /choose one of the reasons/);
  }
  await page.getByRole("radio", { name: "It was wrong" }).check();
  await page.getByRole("button", { name: "Take it back" }).click();
  await page.getByRole("status").getByText("It is taken back.").waitFor();
  await page.getByText("taken back", { exact: true }).waitFor();
  assert.equal((await ask(context, `/indicators/${stage.wrong}/retract`)).status, 404);
  const late = await ask(context, `/indicators/${stage.wrong}/retract`, { method: "POST", headers, form: { token, reason: "legal" } });
  assert.equal(late.status, 303);
  await page.goto("/indicators?state=retracted");
  await page.getByRole("status").getByText("It no longer counted").waitFor();
  await page.locator("tbody th a").first().click();
  await page.getByText("Whoever has heard of that no longer counts it.").waitFor();

  // Without script the same, by the form's button.
  const plain = await person(browser, { javaScriptEnabled: false });
  await plain.context.addCookies(await context.cookies());
  await plain.page.goto("/indicators");
  await plain.page.getByLabel("State").selectOption("retracted");
  await plain.page.getByRole("button", { name: "Show" }).click();
  assert.equal(await plain.page.locator("tbody tr").count(), 1);
  atPeace(plain);
  return pia;
}

async function twoPeople(browser) {
  const ana = await arrive(browser, "ana");
  assert.ok(ana.pages.includes("Indicators") && ana.pages.includes("Held back"));
  // Who is no publisher sees it, and is offered nothing.
  await ana.page.goto(`/indicators/${stage.disputed}`);
  await ana.page.getByRole("heading", { name: "Who has it" }).waitFor();
  assert.equal(await ana.page.getByRole("link", { name: /Take it back|Stand by it/ }).count(), 0);

  await ana.page.goto("/held-back");
  await ana.page.getByText("2 wait for a decision.").waitFor();
  await look(ana, "held-back");
  await picture(ana, "held-back");
  for (const wrong of ["state=x", "member=%3Cb%3E", "reason=x", "after=1"]) {
    assert.equal((await ask(ana.context, `/held-back?${wrong}`)).status, 400, wrong);
  }
  await ana.page.goto("/held-back?state=kept");
  await ana.page.getByRole("heading", { name: "None fits" }).waitFor();
  await ana.page.goto("/held-back");
  await ana.page.getByLabel("Reason").selectOption("canary");
  await ana.page.waitForURL((url) => url.searchParams.get("reason") === "canary");
  await ana.page.getByRole("link", { name: /^Phone number/ }).click();
  await ana.page.getByText("It speaks of a value that stands in your file of canaries").waitFor();
  const path = new URL(ana.page.url()).pathname;
  await look(ana, "held-back-one");
  await ana.page.getByRole("link", { name: "Let it count" }).click();
  await look(ana, "held-back-lift");
  await ana.page.getByRole("button", { name: "Let it count" }).click();
  await ana.page.getByRole("status").getByText("Noted: within a day").waitFor();
  await ana.page.getByText("waits for a second person", { exact: true }).waitFor();
  await look(ana, "held-back-asked");
  assert.equal(await ana.page.getByRole("link", { name: "Let it count" }).count(), 0);
  await ana.page.goto(`${path}/lift`);
  const seen = await ana.page.locator("input[name=seen]").inputValue();
  assert.match(seen, /^asked-ana-/);
  const alone = await ask(ana.context, `${path}/lift`, { method: "POST", headers, form: { token: ana.token, seen } });
  assert.equal(alone.status, 409);
  assert.match(alone.text, /takes two people/);
  for (const nowhere of ["/held-back/ab", `/held-back/${"0".repeat(32)}`, `${path}/drop`]) {
    assert.equal((await ask(ana.context, nowhere)).status, 404, nowhere);
  }

  // An auditor looks, and decides nothing.
  const cleo = await arrive(browser, "cleo");
  await cleo.page.goto(path);
  await cleo.page.getByText("There is nothing for you to decide here.").waitFor();
  assert.equal((await ask(cleo.context, `${path}/keep`, { method: "POST", headers, form: { token: cleo.token, seen } })).status, 403);

  // The second person lifts one and keeps the other.
  const ole = await arrive(browser, "ole");
  assert.ok(ole.pages.includes("Held back") && ole.pages.includes("Members and keys") && !ole.pages.includes("Indicators"));
  await ole.page.goto(path);
  assert.match(await fact(ole, "Wants it lifted"), /^ana as analyst, until /);
  // What he would have been first to ask for, had he sent it before: it confirms nothing that he did not see.
  const stale = await ask(ole.context, `${path}/lift`, { method: "POST", headers, form: { token: ole.token, seen: "waiting" } });
  assert.equal(stale.status, 303);
  await ole.page.goto(path);
  await ole.page.getByRole("status").getByText("Somebody decided before you.").waitFor();
  await ole.page.getByRole("link", { name: "Let it count" }).click();
  await ole.page.getByRole("heading", { name: "Confirm that it counts?" }).waitFor();
  await ole.page.getByText("ana looked at it and wants it to count.").waitFor();
  await ole.page.getByRole("button", { name: "Let it count" }).click();
  await ole.page.getByRole("status").getByText("It counts again from now on.").waitFor();
  await ole.page.goto("/held-back?reason=wide");
  await ole.page.getByRole("link", { name: /^Device/ }).click();
  assert.match(await fact(ole, "Orders it stood in"), /^4\d of 4\d/);
  await ole.page.getByRole("link", { name: "Keep it held back" }).click();
  await ole.page.getByRole("button", { name: "Keep it held back" }).click();
  await ole.page.getByRole("status").getByText("It stays held back.").waitFor();
  // Who comes too late is told, and changes nothing.
  const late = await ask(ana.context, `${path}/keep`, { method: "POST", headers, form: { token: ana.token, seen: "waiting" } });
  assert.equal(late.status, 303);
  await ana.page.goto(path);
  await ana.page.getByRole("status").getByText("Somebody decided before you.").waitFor();
  await ana.page.getByText("counts again", { exact: true }).waitFor();
  return [ana, cleo, ole];
}

async function members(auditor, operator) {
  const { context, page } = auditor;
  assert.ok(auditor.pages.includes("Members and keys"));
  await page.goto("/members");
  await page.getByRole("heading", { name: "Renew the roster" }).waitFor();
  await page.getByRole("heading", { name: "Announce the next key epoch" }).waitFor();
  // What a member calls itself is text and nothing else.
  const shop = page.getByRole("row", { name: /^shop/ });
  await shop.getByText(stage.hostile).waitFor();
  await shop.getByText("connected").waitFor();
  await page.getByRole("row", { name: /^bank-b/ }).getByText("signed two histories").waitFor();
  await page.getByRole("row", { name: /^bank-a/ }).getByText("you", { exact: true }).waitFor();
  for (const key of ["audit", "witness", "feed all", "peer-tls"]) await page.getByRole("row", { name: new RegExp(`^${key}`) }).waitFor();
  await look(auditor, "members");
  for (const nowhere of ["/members/nobody", "/members/%3Cb%3E", "/members/shop/proofs/all", "/members/bank-b/proofs/cards", "/members/bank-b/proofs/%22"]) {
    assert.equal((await ask(context, nowhere)).status, 404, nowhere);
  }
  assert.equal((await ask(context, "/members?after=%3Cb%3E")).status, 400);
  await page.goto("/members?after=bank-b");
  assert.deepEqual(await page.getByRole("region", { name: "Members" }).locator("tbody th a").allTextContents(), ["shop"]);

  await page.goto("/members/shop");
  await page.getByRole("heading", { name: stage.hostile }).waitFor();
  assert.match(await fact(auditor, "Signed with"), /^demo\.example\/shop\/all\+.+ from entry 0 on$/);
  await look(auditor, "member");

  // The proof is checked by nothing of ours.
  await operator.page.goto("/members/bank-b");
  await operator.page.getByRole("heading", { name: "bank-b signed two histories of its feed in group all" }).waitFor();
  await look(operator, "member-accused");
  const [download] = await Promise.all([
    operator.page.waitForEvent("download"),
    operator.page.getByRole("link", { name: "Download the proof (all)" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "two-histories-bank-b-all.json");
  const { text } = await ask(context, "/members/bank-b/proofs/all");
  const proof = JSON.parse(text);
  assert.equal(proof.origin, "demo.example/bank-b/all");
  const [one, other] = [proof.first_checkpoint, proof.second_checkpoint];
  const head = (note) => note.split("\n").slice(0, 3);
  assert.deepEqual([head(one)[0], head(other)[0]], [proof.origin, proof.origin]);
  assert.notEqual(head(one)[2], head(other)[2], "two roots");
  assert.ok(signedBy(one, proof.keys) && signedBy(other, proof.keys), text);
  assert.ok(!signedBy(one.replace(proof.origin, "demo.example/bank-c/all"), proof.keys), "this check can fail");
}

await play(async (browser) => {
  const pia = await publishers(browser);
  const [ana, cleo, ole] = await twoPeople(browser);
  await members(cleo, ole);
  for (const who of [pia, ana, cleo, ole]) atPeace(who);
});
