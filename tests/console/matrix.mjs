// Every address, asked by nobody and by somebody of each role.

import assert from "node:assert/strict";
import { ask, person, play, stage, totp } from "./browser.mjs";
import { enrol, signIn } from "./office.mjs";

await play(async (browser) => {
  const headers = { "sec-fetch-site": "same-origin" };
  const nobody = await person(browser);
  for (const { verb, path, nobody: open } of stage.rows) {
    const answer = await ask(nobody.context, path, { method: verb, headers, ...(verb === "POST" && { form: { a: "b" } }) });
    const away = answer.status === 303 && answer.headers.location.startsWith("/sign-in");
    assert.equal(!away, open, `nobody ${verb} ${path}: ${answer.status}`);
  }
  for (const { name, role, code } of stage.people) {
    const somebody = await person(browser);
    const kept = await enrol(somebody, code, `Oakmoss tin whistle ${name} 41`);
    await signIn(somebody, name, kept, totp(kept.secret));
    const token = await somebody.page.locator("input[name=token]").first().inputValue();
    for (const { verb, path, roles } of stage.rows) {
      const form = { token };
      const answer = await ask(somebody.context, path, { method: verb, headers, ...(verb === "POST" && { form }) });
      const refused = answer.status === 403 && answer.text.includes("Not in your roles");
      assert.equal(refused, !roles.includes(role), `${role} ${verb} ${path}: ${answer.status}`);
      if (!refused) assert.notEqual(answer.status, 403, `${role} ${verb} ${path}`);
      if (verb === "POST" && roles.includes(role) && path !== "/sign-out" && !path.startsWith("/enrol") && path !== "/sign-in") {
        const forged = await ask(somebody.context, path, { method: verb, headers, form: { token: "x" } });
        assert.equal(forged.status, 403, `${role} ${verb} ${path} with another token: ${forged.status}`);
      }
    }
    assert.equal((await ask(somebody.context, "/account")).status, 303, "signed out");
  }
});
