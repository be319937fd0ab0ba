// What people do at the door of the console, in every scenario.

import { totp } from "./browser.mjs";

/** Sets somebody up with the code of an operator; what they keep afterwards. */
export async function enrol({ page }, code, password) {
  await page.goto("/enrol");
  await page.getByLabel("Your code").fill(code);
  await page.getByRole("button", { name: "Go on" }).click();
  const secret = (await page.locator(".secret code").textContent()).trim();
  await page.getByLabel("The code it shows now").fill(totp(secret));
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password again").fill(password);
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("heading", { name: "Your recovery codes" }).waitFor();
  const recovery = await page.locator(".codes code").allTextContents();
  return { secret, password, recovery };
}

/** Signs in with whatever code is given. */
export async function signIn({ page }, name, { password }, code) {
  await page.goto("/sign-in");
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByLabel("Code of your authenticator").fill(code);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Whether somebody is signed in: the page says who. */
export async function reader({ page }) {
  return (await page.locator(".who b").allTextContents())[0];
}
