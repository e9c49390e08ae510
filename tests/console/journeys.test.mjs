// The three journeys through the console: from sign-in to a verified receipt, in a real browser against a real server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { look, signIn, startBrowser } from "./browser.mjs";
import { call, startServer } from "./server.mjs";

const LONG = { timeout: 120_000 };
const FIRST_LOAD_BYTES = 400_000;

let server;
let browser;
before(async () => {
  [server, browser] = await Promise.all([startServer(), startBrowser()]);
  await call(server, "partner", "POST", "/v1/populations", { name: "visitors", epsilon: 2, delta: 1e-8, size: 1000 });
}, { timeout: 700_000 });
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a wrong token is refused with the way out", async () => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(`${server.address}/console/`);
  await look(page, "sign-in");
  await page.getByLabel("Token").fill("lyc_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("E4001").waitFor();
  await page.context().close();
});

test("the first page is light, and there before editor and charts", async () => {
  const tab = await signIn(browser, server, "researcher");
  await tab.page.waitForLoadState("networkidle");
  assert.ok(tab.firstLoadBytes() > 0 && tab.firstLoadBytes() < FIRST_LOAD_BYTES, `${tab.firstLoadBytes()} bytes`);
  const scripts = await tab.page.evaluate(() => performance.getEntriesByType("resource").map((r) => r.name));
  assert.equal(scripts.filter((s) => /\/(ask|chart)-/.test(s)).length, 0, scripts.join(" "));
  await look(tab.page, "home");
  await tab.done();
});

test("a researcher asks: refusal, price, answer with intervals, chart, verified receipt, free repeat", async () => {
  const tab = await signIn(browser, server, "researcher");
  const { page } = tab;
  await page.getByRole("link", { name: "ads-lift" }).first().click();
  const sql = page.getByLabel("SQL");
  await sql.click();

  await page.keyboard.type("SELECT nothing, COUNT(*) FROM users GROUP BY nothing");
  await page.getByText("there is no column nothing").first().waitFor(LONG);
  await page.locator(".cm-lintRange-error").first().waitFor();
  assert.ok(await page.getByRole("button", { name: "Ask", exact: true }).isDisabled());
  await look(page, "refusal");

  await page.keyboard.press("Control+a");
  await page.keyboard.type("SELECT country, COUNT(*) AS people FROM users GROUP BY country");
  await page.getByText("Can be answered").waitFor(LONG);
  await page.getByText(/people ± /).waitFor();
  await page.getByRole("button", { name: "Why it is private" }).click();
  await page.locator(".certificate li").first().waitFor();
  await page.getByRole("button", { name: "users protected" }).click();
  await page.getByRole("button", { name: "Insert segment" }).waitFor();
  await look(page, "price");

  await page.getByRole("button", { name: "Ask and pay" }).click();
  await page.getByText("Receipt verified in this page").waitFor(LONG);
  const cells = await page.getByRole("region", { name: "Answer" }).locator("td.numbers").allInnerTexts();
  assert.ok(cells.length > 0 && cells.every((c) => /±| to /.test(c)), cells.join(" | "));
  await look(page, "answer");
  await page.getByText("Chart", { exact: true }).click();
  await page.locator(".chart svg").first().waitFor();
  await look(page, "chart");

  await page.getByText("free: answered before").waitFor(LONG);
  await page.getByRole("button", { name: "Ask again (free)" }).click();
  await page.getByText("Free: this was answered before").waitFor(LONG);

  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("menuitem", { name: /CSV/ }).click();
  assert.match((await download).suggestedFilename(), /^answer-\d+\.csv$/);

  await page.getByRole("tab", { name: "History" }).click();
  await page.getByText("SELECT country, COUNT(*)").first().waitFor();
  await look(page, "history");
  await page.getByRole("tab", { name: "Budget" }).click();
  await page.getByText(/all of ads-lift: .* left/).waitFor();
  await look(page, "budget");
  await page.getByRole("tab", { name: "Members" }).click();
  await page.getByRole("cell", { name: "ethics-board" }).waitFor();
  await look(page, "members");
  await tab.done();
});

const MANIFEST = `
[dataset]
name = "visits"
title = "Visits"
version = "1"
owner = "lyceum-samples"
licence = "none"
source = "a test"
description = "Made for a test of the console."

[[table]]
name = "visits"
description = "One row per customer."
privacy_unit = "row"
population = "visitors"
expected_rows = 1000

[[table.column]]
name = "segment"
type = "string"
role = "dimension"
values = ["new", "old"]
description = "Kind of customer."

[[table.column]]
name = "visit"
type = "int32"
role = "measure"
bounds = [0, 1]
description = "1 if the customer came."
`;

const POLICY = `
kind = "protected"
purpose = "Do old customers come back? A test."
approvals = 1

[privacy]
epsilon_per_workspace = 1.0
epsilon_per_researcher = 1.0
max_epsilon_per_query = 1.0
default_epsilon_per_query = 0.25
max_groups_contributed = 1
max_rows_per_group = 1
minimum_group_size = 20
selection_delta_share = 0.05
`;

test("a partner declares, uploads, publishes and proposes", async () => {
  const tab = await signIn(browser, server, "partner");
  const { page } = tab;
  await page.getByRole("link", { name: "Datasets" }).click();
  await page.getByText("ads", { exact: false }).first().waitFor();
  await look(page, "datasets");
  await page.getByRole("link", { name: "New dataset" }).click();
  const manifest = page.getByLabel("Manifest (TOML)");
  await manifest.fill("[dataset]\nname = 3");
  await page.getByRole("button", { name: "Declare the dataset" }).click();
  await page.getByRole("alert").waitFor();
  await look(page, "manifest-refused");
  await manifest.fill(MANIFEST);
  await page.getByRole("button", { name: "Declare the dataset" }).click();
  await page.getByRole("link", { name: "Upload its tables" }).click();
  await page.getByRole("button", { name: "Begin a version" }).click();

  const rows = ["segment,visit", ...Array.from({ length: 998 }, (_, i) => `${i % 3 ? "new" : "old"},${i % 2}`), "gone,1", "old,7"];
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Choose file for visits" }).click()]);
  await chooser.setFiles({ name: "visits.csv", mimeType: "text/csv", buffer: Buffer.from(`${rows.join("\n")}\n`) });
  await page.getByText("accepted 998 · rejected 2").waitFor(LONG);
  await look(page, "upload-report");
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByText("published").waitFor(LONG);
  await page.getByLabel("Policy (TOML)").fill(POLICY);
  await page.getByRole("button", { name: "Propose", exact: true }).click();
  await page.getByText("Proposed", { exact: true }).waitFor(LONG);
  await look(page, "proposed");
  await tab.done();
});

test("a reviewer approves, verifies the log in the page and opens a document by its hash; the partner pauses", async () => {
  const reviewer = await signIn(browser, server, "reviewer");
  const { page } = reviewer;
  await page.getByRole("link", { name: "ads-lift" }).first().click();
  await page.getByText("Do old customers come back? A test.", { exact: true }).waitFor();
  await look(page, "releases");
  const active = await page.getByText("active", { exact: true }).count();
  await page.getByRole("button", { name: "Approve" }).click();
  await page.getByLabel("Reason").fill("fits the protocol");
  await look(page, "approve");
  await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
  await page.getByRole("dialog").waitFor({ state: "hidden" });
  assert.equal(await page.getByText("active", { exact: true }).count(), active + 1);

  await page.getByRole("link", { name: "Audit log" }).click();
  await page.getByText("Verified in this page").waitFor(LONG);
  await page.getByText("budgets recomputed: the server says the same").waitFor();
  await page.getByRole("button", { name: "release.approved" }).first().click();
  await page.getByText("fits the protocol").waitFor();
  await look(page, "audit");
  await page.getByRole("button", { name: "Verify again" }).click();
  await page.getByText("consistent with the checkpoint this browser saved").waitFor(LONG);
  await page.getByLabel("Contains").fill("release.proposed");
  await page.getByRole("button", { name: "release.proposed" }).first().click();
  await page.getByRole("button", { name: "Show policy (checked against its hash)" }).click();
  await page.getByText("Do old customers come back?").waitFor(LONG);
  await reviewer.done();

  const partner = await signIn(browser, server, "partner");
  await partner.page.getByRole("link", { name: "ads-lift" }).first().click();
  await partner.page.getByRole("button", { name: "Pause" }).first().click();
  const dialog = partner.page.getByRole("dialog");
  assert.ok(await dialog.getByRole("button", { name: "Pause" }).isDisabled());
  await dialog.getByLabel("Reason").fill("the contract is being renewed");
  await dialog.getByRole("button", { name: "Pause" }).click();
  await partner.page.getByText("paused", { exact: true }).waitFor(LONG);
  await partner.done();
});

test("a server that changes an entry is caught in the page", async () => {
  const tab = await signIn(browser, server, "reviewer");
  await tab.page.route("**/v1/audit/tile/entries/**", async (route) => {
    const reply = await route.fetch();
    const body = Buffer.from(await reply.body());
    // The last digit of a time: still an event, but not the one that was signed for.
    const at = body.indexOf(",", body.indexOf('"time":')) - 1;
    body.write(body[at] === 0x35 ? "6" : "5", at, "latin1");
    await route.fulfill({ response: reply, body });
  });
  await tab.page.getByRole("link", { name: "Audit log" }).click();
  await tab.page.getByText("This log does not hold").waitFor(LONG);
  await look(tab.page, "tampered");
  await tab.done();
});

test("narrow screens, dark colours and the keyboard", async () => {
  const tab = await signIn(browser, server, "researcher", { viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  const { page } = tab;
  await page.getByRole("button", { name: "Navigation" }).press("Enter");
  await page.getByRole("link", { name: "ads-lift" }).first().press("Enter");
  await page.getByLabel("SQL").waitFor(LONG);
  await page.getByLabel("SQL").click();
  await page.keyboard.type("SELECT arm, COUNT(*) AS n FROM users WHERE country = 'DE' GROUP BY arm");
  await page.getByText("Can be answered").waitFor(LONG);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 1, `the page scrolls sideways by ${wide} px`);
  await look(page, "narrow-dark");
  await tab.done();
});
