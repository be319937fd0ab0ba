// Three people set themselves up, sign in and work; what one of them must not do is refused.

import assert from "node:assert/strict";
import { ask, atPeace, formFrom, look, person, play, scan, stage, totp } from "./browser.mjs";
import { enrol, reader, signIn } from "./office.mjs";

// A browser may call itself anything, and an operator reads it.
const HOSTILE = `=cmd|'/c calc'!A1 "><img src=x onerror=alert(1)><script>alert(1)</script>`;
const PASSWORD = "Oakmoss ledger tin whistle 41";

await play(async (browser) => {
  const anna = await person(browser, { userAgent: HOSTILE });
  const { context, page } = anna;

  // Setting up: a wrong code, two passwords that differ, a weak one; then it works.
  await page.goto("/enrol");
  await page.getByLabel("Your code").fill("0000-0000-0000-0000-0000-0000-00");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("alert").getByText("This code enrols nobody").waitFor();
  await page.getByLabel("Your code").fill(stage.codes.anna);
  await page.getByRole("button", { name: "Go on" }).click();
  await look(anna, "enrol-finish");
  const shown = (await page.locator(".secret code").textContent()).replace(/\s/g, "");
  const scanned = new URL(await scan(anna));
  assert.equal(scanned.searchParams.get("secret"), shown);
  assert.match(scanned.pathname, /anna$/);
  await page.getByLabel("The code it shows now").fill("000000");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByLabel("Password again").fill("typed-by-nobody");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("alert").getByText("The two passwords differ.").waitFor();
  const kept = await enrol(anna, stage.codes.anna, PASSWORD);
  assert.equal(kept.recovery.length, 10);
  await look(anna, "recovery-codes");

  // A cookie that somebody planted is not the one that is signed in.
  const planted = "A".repeat(43);
  await context.addCookies([{ name: "__Host-session", value: planted, url: stage.console, secure: true, httpOnly: true, sameSite: "Strict" }]);
  await signIn(anna, "anna", { password: "typed-by-nobody wrong" }, "000000");
  await page.getByRole("alert").getByText("Name, password or code is wrong").waitFor();
  await look(anna, "sign-in-wrong");
  const code = totp(kept.secret);
  await signIn(anna, "anna", kept, code);
  await page.getByRole("heading", { name: "Day by day" }).waitFor();
  assert.equal(await reader(anna), "anna");
  const [cookie] = (await context.cookies()).filter(({ name }) => name === "__Host-session");
  assert.notEqual(cookie.value, planted);
  assert.deepEqual([cookie.secure, cookie.httpOnly, cookie.sameSite, cookie.path, cookie.expires], [true, true, "Strict", "/", -1]);
  await look(anna, "overview");

  // The code that signed her in signs nobody in again.
  const thief = await person(browser);
  await signIn(thief, "anna", kept, code);
  await thief.page.getByRole("alert").waitFor();

  await page.goto("/account");
  await look(anna, "account");
  await page.getByLabel("Times in this browser").fill("Europe/Berlin");
  await page.getByRole("button", { name: "Use this zone" }).click();
  await page.getByRole("status").getByText("Europe/Berlin").waitFor();
  assert.match(await page.locator("footer").textContent(), /CET|CEST/);
  await page.goto("/account?zone=America/Sao_Paulo");
  assert.match(await page.locator("footer").textContent(), /-03/);
  assert.equal((await ask(context, "/account?zone=Mars/Olympus")).status, 400);

  // A link in a letter leads to its page, though browsers send no strict cookie with it.
  const reader_ = await context.newPage();
  await reader_.goto(`data:text/html,<a href="${stage.console}/account?zone=UTC">a letter</a>`);
  await reader_.getByRole("link").click();
  await reader_.getByRole("heading", { name: "My account" }).waitFor();
  await reader_.close();

  // A second and a third person.
  const ben = await person(browser);
  const bens = await enrol(ben, stage.codes.ben, `${PASSWORD} of ben`);
  await signIn(ben, "ben", bens, totp(bens.secret));
  assert.equal(await reader(ben), "ben");
  const cleo = await person(browser);
  const cleos = await enrol(cleo, stage.codes.cleo, `${PASSWORD} of cleo`);
  await signIn(cleo, "cleo", cleos, totp(cleos.secret));

  // Cleo is no operator: the page is refused, and stands in no navigation of hers.
  assert.equal(await cleo.page.getByRole("link", { name: "Users and sessions" }).count(), 0);
  await cleo.page.goto("/users");
  await cleo.page.getByRole("heading", { name: "Not in your roles" }).waitFor();
  await look(cleo, "not-in-your-roles");

  // Anna makes a user, then an operator, which takes a second one.
  await page.goto("/users");
  await look(anna, "users");
  await page.getByRole("link", { name: "New user" }).click();
  await look(anna, "user-new");
  await page.getByLabel("Name").fill("Dora <b>");
  await page.getByRole("button", { name: "Make user" }).click();
  await page.getByRole("alert").getByText("A user's name has 2 to 32").waitFor();
  await page.getByLabel("Name").fill("dora");
  await page.getByRole("checkbox", { name: "operator" }).check();
  await page.getByRole("button", { name: "Make user" }).click();
  await page.getByRole("heading", { name: "Invitation of dora" }).waitFor();
  await look(anna, "user-invited");
  await page.getByRole("link", { name: "I have passed it on" }).click();
  await page.getByText("You asked for it, so somebody else has to confirm.").waitFor();
  await look(anna, "user-waits");
  await page.goto("/users/dora/confirm");
  await page.getByRole("button", { name: "Confirm roles" }).click();
  await page.getByRole("alert").getByText("another operator must confirm").waitFor();

  // Ben proved himself when he signed in; he confirms.
  await ben.page.goto("/users/dora");
  await ben.page.getByRole("link", { name: "Look at it" }).click();
  await look(ben, "user-confirm");
  await ben.page.getByRole("button", { name: "Confirm roles" }).click();
  await ben.page.getByRole("status").getByText("The roles count from now on.").waitFor();

  // What a browser calls itself is text and nothing else.
  await ben.page.goto("/users/anna");
  await ben.page.getByText(HOSTILE).waitFor();
  await look(ben, "user");

  // A form without its token, with another session's, or from elsewhere changes nothing.
  const token = await ben.page.locator("input[name=token]").first().inputValue();
  const own = await page.locator("input[name=token]").first().inputValue();
  const here = { "sec-fetch-site": "same-origin" };
  for (const [form, headers] of [[{}, here], [{ token }, here], [{ token: own }, { "sec-fetch-site": "same-site" }], [{ token: own }, {}]]) {
    const answer = await ask(context, "/users/dora/disable", { method: "POST", form, headers });
    assert.equal(answer.status, 403, JSON.stringify([form, headers]));
  }
  await page.goto("/users/dora");
  await page.getByText("invited", { exact: true }).waitFor();
  assert.equal((await ask(context, "/users/nobody")).status, 404);
  assert.equal((await ask(context, "/users/dora/explode")).status, 404);

  // Nor does one that another site, or another port of this host, makes her browser send. From the other port her cookie comes along.
  const { hostname } = new URL(stage.console);
  const target = { token: own, role: "operator", zone: "UTC" };
  for (const path of ["/sign-out", "/account/zone", "/users/dora/disable", "/users/dora/roles"]) {
    const far = await formFrom(anna, "https://evil.example", path, target);
    assert.deepEqual([far.status, far.sent.cookie, far.sent["sec-fetch-site"]], [403, undefined, "cross-site"], path);
    const near = await formFrom(anna, `https://${hostname}:4443`, path, target);
    assert.deepEqual([near.status, near.sent["sec-fetch-site"]], [403, "same-site"], path);
    assert.match(near.sent.cookie, /__Host-session=/, path);
  }
  await page.goto("/users/dora");
  assert.equal(await reader(anna), "anna");
  await page.getByText("invited", { exact: true }).waitFor();

  // Nobody changes themselves; who is out is out with the next request.
  await page.goto("/users/anna");
  await page.getByText("Nobody changes their own roles.").waitFor();
  await page.goto("/users/cleo/disable");
  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("status").getByText("The user is disabled").waitFor();
  await cleo.page.goto("/");
  assert.equal(new URL(cleo.page.url()).pathname, "/sign-in");

  // Another password ends the other sessions; this one goes on under a new cookie.
  const second = await person(browser);
  await signIn(second, "anna", kept, kept.recovery[0]);
  await second.page.getByRole("status").getByText("9 recovery codes are left").waitFor();
  await page.goto("/account/password");
  await look(anna, "account-password");
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByLabel("Code of your authenticator").fill(kept.recovery[1]);
  await page.getByLabel("New password", { exact: true }).fill("password1234");
  await page.getByLabel("New password again").fill("password1234");
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByRole("alert").waitFor();
  const changed = `${PASSWORD} changed`;
  await page.getByLabel("Your password").fill(PASSWORD);
  await page.getByLabel("Code of your authenticator").fill(kept.recovery[2]);
  await page.getByLabel("New password", { exact: true }).fill(changed);
  await page.getByLabel("New password again").fill(changed);
  await page.getByRole("button", { name: "Change password" }).click();
  await page.getByRole("status").getByText("Your password is changed").waitFor();
  const renewed = (await context.cookies()).find(({ name }) => name === "__Host-session");
  assert.notEqual(renewed.value, cookie.value);
  await second.page.goto("/");
  assert.equal(new URL(second.page.url()).pathname, "/sign-in");

  // Proving again, on the way to what needs it and back.
  await page.goto("/prove?back=/users/new");
  await look(anna, "prove");
  await page.getByLabel("Your password").fill(changed);
  await page.getByLabel("Code of your authenticator").fill(kept.recovery[3]);
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "New user" }).waitFor();

  await page.goto("/account/authenticator");
  await look(anna, "account-authenticator");
  await page.goto("/account/recovery");
  await look(anna, "account-recovery");

  // Signed out, the cookie opens nothing, however it comes back.
  const last = (await context.cookies()).find(({ name }) => name === "__Host-session");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL("**/sign-in");
  assert.equal((await context.cookies()).filter(({ name }) => name === "__Host-session").length, 0);
  await page.goBack();
  await page.waitForURL("**/sign-in*");
  await context.addCookies([last]);
  assert.equal((await ask(context, "/account")).status, 303);

  // Without script: everything there is, done by hand.
  const plain = await person(browser, { javaScriptEnabled: false });
  await signIn(plain, "ben", bens, bens.recovery[0]);
  assert.equal(await reader(plain), "ben");
  await plain.page.goto("/?days=90");
  await plain.page.getByText("Figures").first().click();
  await plain.page.getByRole("button", { name: "Sign out" }).click();
  await plain.page.waitForURL("**/sign-in");

  for (const who of [anna, ben, cleo, second, thief, plain]) atPeace(who);
});
