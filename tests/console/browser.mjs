// A browser for scenarios: trusts the node's certificate and no other, watches for everything that must not happen, has axe look
// at pages, and keeps screenshots of them in both themes and on a narrow screen.

import assert from "node:assert/strict";
import { createHash, createHmac, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const tools = createRequire(join(process.env.HUSHWIRE_TOOLS, "package.json"));
const { chromium } = tools("playwright-core");
const axe = readFileSync(tools.resolve("axe-core/axe.min.js"), "utf8");

export const stage = JSON.parse(process.env.HUSHWIRE_STAGE);

// Connections are kept: so many of them in so short a time are refused.
const agent = new Agent({ keepAlive: true, maxSockets: 20, ca: readFileSync(join(dirname(stage.certificate), "local-ca.pem")) });

const WIDE = { width: 1280, height: 860 };
const NARROW = { width: 390, height: 844 };

/** Starts the browser, plays, and ends it whatever happens. */
export async function play(scenario) {
  const certificate = new X509Certificate(readFileSync(stage.certificate));
  const key = certificate.publicKey.export({ type: "spki", format: "der" });
  const pin = createHash("sha256").update(key).digest("base64");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
      // The node's own key, and nothing else is let pass.
      `--ignore-certificate-errors-spki-list=${pin}`,
    ],
  });
  try {
    await scenario(browser);
  } catch (fault) {
    await tell(browser);
    throw fault;
  } finally {
    await browser.close();
  }
}

/** Where everybody stands and what they see: a failure elsewhere can be looked into. */
async function tell(browser) {
  for (const page of browser.contexts().flatMap((context) => context.pages())) {
    const text = await page.locator("body").innerText().catch((fault) => fault.message);
    console.error(`${page.url()}\n${text.slice(0, 4_000)}\n`);
  }
}

/** A person with a browser of their own. What a page complains of, or tries to load from elsewhere, fails the scenario. */
export async function person(browser, options = {}) {
  const context = await browser.newContext({ baseURL: stage.console, viewport: WIDE, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints = [];
  const expected = /Failed to load resource: the server responded with a status of (4\d\d|503)/;
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !expected.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("dialog", async (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${stage.console}/`)) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  return { context, page, complaints };
}

/** Fails where a page complained. */
export function atPeace({ complaints }) {
  assert.deepEqual(complaints, []);
}

/** Screenshots of the page in both themes, wide and narrow, and axe's opinion of each. */
export async function look({ page }, name) {
  for (const [size, viewport] of [["", WIDE], ["-narrow", NARROW]]) {
    for (const theme of ["light", "dark"]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: theme });
      await page.screenshot({ path: join(process.env.HUSHWIRE_SHOTS, `${name}-${theme}${size}.png`), fullPage: true });
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(sideways <= 0, `${name}${size}: the page scrolls sideways by ${sideways} pixels`);
      await judge(page, `${name} ${theme}${size}`);
    }
  }
  await page.setViewportSize(WIDE);
  await page.emulateMedia({ colorScheme: "light" });
}

/** A picture for the officer's guide: what somebody sees without scrolling. */
export async function picture({ page }, name) {
  await page.screenshot({ path: join(process.env.HUSHWIRE_SHOTS, "guide", `${name}.png`) });
}

/** Fails on anything of a page that axe calls wrong, best practice included. */
export async function judge(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const said = violations.map(({ id, impact, help, nodes }) =>
    `${impact} ${id}: ${help}\n    ${nodes.map((node) => `${node.target} ${node.any[0]?.message ?? ""}`).join("\n    ")}`);
  assert.equal(said.length, 0, `${name}: axe finds\n  ${said.join("\n  ")}`);
}

/** By secret: the step whose code was typed last. Every code counts once. */
const typed = new Map();

/**
 * The next code of an authenticator (RFC 6238): of the present step, or of the one after it where that was typed before. Both are
 * taken for half a minute at least from now on; that of the step before might be too old by the time it arrives.
 */
export function totp(secret) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const plain = secret.replace(/\s/g, "");
  const now = Math.floor(Date.now() / 30_000);
  const step = Math.max(now, (typed.get(plain) ?? 0) + 1);
  assert.ok(step <= now + 1, "the codes of this half minute are typed: take a recovery code");
  typed.set(plain, step);
  const bits = [...plain].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash[19] & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

/** What a telephone's camera reads in a QR code of a page: found by somebody else's decoder. */
export async function scan({ page }) {
  const square = page.locator("svg.qr");
  const [, , width] = (await square.getAttribute("viewBox")).split(" ").map(Number);
  const drawn = await square.locator("path").getAttribute("d");
  const pixels = 6;
  const image = new Uint8ClampedArray((width * pixels) ** 2 * 4).fill(255);
  for (const [, x, y, length] of drawn.matchAll(/M(\d+) (\d+)h(\d+)/g)) {
    for (let row = Number(y) * pixels; row < (Number(y) + 1) * pixels; row++) {
      for (let column = Number(x) * pixels; column < (Number(x) + Number(length)) * pixels; column++) {
        image.fill(0, (row * width * pixels + column) * 4, (row * width * pixels + column) * 4 + 3);
      }
    }
  }
  return tools("jsqr")(image, width * pixels, width * pixels)?.data;
}

/**
 * Has a page of another origin send a form here, in somebody's browser, as whoever wrote that page would; how it was answered, and
 * what the browser sent with it.
 */
export async function formFrom({ context }, origin, path, fields) {
  const page = await context.newPage();
  await page.route(`${origin}/**`, (route) => route.fulfill({ contentType: "text/html", body: "<title>elsewhere</title><form method=post></form>" }));
  await page.goto(`${origin}/`);
  // What the browser sends is told whole only where nothing is put in its way.
  await page.unroute(`${origin}/**`);
  const answering = page.waitForResponse((response) => response.url() === `${stage.console}${path}`);
  await page.evaluate(([action, values]) => {
    const [form] = document.forms;
    form.action = action;
    for (const [name, value] of Object.entries(values)) form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
    form.submit();
  }, [`${stage.console}${path}`, fields]);
  const answer = await answering;
  const [status, sent] = [answer.status(), await answer.request().allHeaders()];
  await page.close();
  return { status, sent };
}

/** An answer without a browser's manners, asked with the cookies of one: its status, headers and text. */
export async function ask(context, path, { method = "GET", form, data, headers = {} } = {}) {
  const cookies = (await context.cookies(stage.console)).map(({ name, value }) => `${name}=${value}`).join("; ");
  const body = data ?? (form && new URLSearchParams(form).toString());
  const sent = { ...(cookies && { cookie: cookies }), ...(form && { "content-type": "application/x-www-form-urlencoded" }), ...headers };
  return new Promise((resolve, reject) => {
    // The path as it is: a URL would be made well-formed.
    const { hostname, port } = new URL(stage.console);
    const asked = request({ hostname, port, path, method, headers: sent, agent }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString() }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
