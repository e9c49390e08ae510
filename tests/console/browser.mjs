// A real browser, and what every page of the console must keep: no script error, no breach of the content-security
// policy, no request to elsewhere, nothing serious that axe finds.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

export function startBrowser() {
  return chromium.launch({ executablePath: process.env.LYCEUM_CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

// Chromium itself tries to keep the colour of a keyword that was typed over, by an attribute that the policy forbids and
// the editor takes away: `color: rgb(119, 0, 136);`, by its hash.
const TYPED_OVER = "sha256-nXCYc9XlLhJpsbN6/W64jz++4JoojLTMulME0ZXdRug=";

/** A tab that somebody has signed in to. `tab.done()` asserts that nothing went wrong in it. */
export async function signIn(browser, server, who, more = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...more });
  const page = await context.newPage();
  const wrong = [];
  let bytes = 0;
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("console", (message) => {
    // A refused request is told in the page; the browser prints it, too.
    const told = message.text().includes("the server responded with a status") || message.text().includes(TYPED_OVER);
    if (message.type() === "error" && !told) wrong.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.address) && !/^(data|blob):/.test(url)) wrong.push(`request to ${url}`);
  });
  page.on("requestfinished", async (request) => {
    const sizes = await request.sizes().catch(() => undefined);
    if (request.url().includes("/console/")) bytes += sizes?.responseBodySize ?? 0;
  });
  await page.goto(`${server.address}/`);
  await page.getByLabel("Token").fill(server.token(who));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Workspaces" }).waitFor();
  return {
    page,
    firstLoadBytes: () => bytes,
    done: async () => {
      await context.close();
      assert.deepEqual(wrong, []);
    },
  };
}

/** Nothing serious for screen readers and keyboards; a picture for people if LYCEUM_SCREENSHOTS names a folder. */
export async function look(page, name) {
  const folder = process.env.LYCEUM_SCREENSHOTS;
  if (folder) {
    mkdirSync(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  const told = serious.map((v) => `${name}: ${v.id} (${v.help}): ${v.nodes.map((n) => n.html).join(" | ").slice(0, 400)}`);
  assert.deepEqual(told, []);
}
