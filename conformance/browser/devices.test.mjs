// Drives the page of DevicesPage, which has no script, with a real browser: by
// pointer, by keyboard alone, and with scripts switched off.
//
//   RIG  where the rig is, with several accounts on a device
//
// and what chromium.mjs reads.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { request } from "playwright-core";
import { launch, look, open as newPage } from "./chromium.mjs";

const rig = process.env.RIG ?? "http://127.0.0.1:3000";
const password = "correct horse battery";
const ada = { name: "Ada Lovelace", email: "ada@example.com" };
const bob = { name: "Bob Babbage", email: "bob.of.a.rather.long.address@subdomain.example.com" };
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
const iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
const edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// Whatever the browser complains about, breaches of the policy included.
const complaints = [];

async function device(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error("policy: " + event.violatedDirective));
  });
  return newPage(context, complaints);
}

// enter signs somebody in through the rig's routes: the page itself has no sign-in.
const enter = (page, route, who) => post(page.context().request, route, who);

async function post(requests, route, who) {
  const answer = await requests.post(`${rig}/api/auth/${route}/email`, { headers: { origin: rig }, data: { ...who, password } });
  assert.equal(answer.status(), 200, await answer.text());
}

// away is a device of which only the session matters: requests with cookies, and no
// page, which would cost the browser more than all that is done here.
async function away(who, userAgent) {
  const requests = await request.newContext({ userAgent });
  await post(requests, "sign-in", who);
  return requests;
}

async function signedIn(requests) {
  const answer = await requests.get(`${rig}/api/auth/get-session?disableCookieCache=true`);
  return (await answer.json()) !== null;
}

const open = (page) => page.goto(`${rig}/devices`);
const list = (page) => page.getByRole("list", { name: "Your devices" }).getByRole("listitem");
const names = (page) => page.getByRole("list", { name: "Your devices" }).getByRole("heading", { level: 2 }).allTextContents();
const button = (page, name) => page.getByRole("button", { name, exact: true });
const status = (page) => page.getByRole("status");

// inspect looks at the page at all widths, light and dark.
async function inspect(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await look(page, `devices-${name}-${colorScheme}`, [320, 390, 1280]);
    await page.evaluate(axe.source);
    const { violations, passes } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
    assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`), [], `${name}, ${colorScheme}`);
    assert.ok(passes.some((rule) => rule.id === "color-contrast"), "contrast was looked at");
  }
  await page.emulateMedia({ colorScheme: null });
}

// tabTo presses Tab until the named button has the focus.
async function tabTo(page, name) {
  const wanted = button(page, name);
  for (let presses = 0; presses < 20; presses++) {
    await page.keyboard.press("Tab");
    if (await wanted.evaluate((element) => element === document.activeElement)) {
      const outline = await wanted.evaluate((element) => getComputedStyle(element));
      assert.equal(outline.outlineStyle, "solid", "one sees where the focus is");
      return;
    }
  }
  assert.fail(`Tab does not lead to ${name}`);
}

let laptop;

test("all devices are listed, this one first", async () => {
  laptop = await device();
  await enter(laptop, "sign-up", ada);
  await open(laptop);
  assert.equal(await list(laptop).count(), 1);
  await laptop.getByText("You are not signed in anywhere else.").waitFor();
  assert.equal(await button(laptop, "Sign out all other devices").count(), 0);

  for (const agent of [firefox, iPhone, edge]) await away(ada, agent);
  await open(laptop);
  const [first, ...others] = await names(laptop);
  assert.match(first, /^(Headless Chrome|HeadlessChrome|Chromium|Chrome)( \d+)? on Linux This device$/);
  assert.deepEqual(others.sort(), ["Edge 141 on Windows", "Firefox 145 on Linux", "Safari 26 on iOS"]);
  assert.equal(await laptop.evaluate(() => document.cookie), "", "scripts would see no cookie");
  await inspect(laptop, "list");
});

test("names and roles are such that a screen reader says what it is about", async () => {
  const tree = await laptop.getByRole("main").ariaSnapshot();
  assert.match(tree, /heading "Your devices" \[level=1\]/);
  assert.match(tree, /list "Your devices":/);
  for (const name of ["Sign out on this device", "Sign out Edge 141 on Windows", "Sign out Firefox 145 on Linux", "Sign out Safari 26 on iOS", "Sign out all other devices"]) {
    assert.match(tree, new RegExp(`button "${name}"`));
  }
});

test("another device is signed out by a click", async () => {
  const phone = await away(ada, iPhone);
  await open(laptop);
  assert.equal(await list(laptop).count(), 5);
  await button(laptop, "Sign out Safari 26 on iOS").first().click();
  await status(laptop).filter({ hasText: "The device has been signed out." }).waitFor();
  assert.equal(await laptop.evaluate(() => document.activeElement.getAttribute("role")), "status", "where a screen reader goes on");
  assert.match(await laptop.title(), /^The device has been signed out\. – Your devices$/);
  await inspect(laptop, "notice");
  await button(laptop, "Sign out Safari 26 on iOS").click();
  await list(laptop).nth(3).waitFor({ state: "detached" });
  assert.equal(await signedIn(phone), false);

  await laptop.reload(); // does not send the form again
  assert.equal(await list(laptop).count(), 3);
});

test("by keyboard alone, on a phone without scripts", async () => {
  const phone = await device({ viewport: { width: 390, height: 800 }, javaScriptEnabled: false });
  await enter(phone, "sign-in", ada);
  await open(phone);
  await tabTo(phone, "Sign out Edge 141 on Windows");
  await phone.keyboard.press("Enter");
  await status(phone).filter({ hasText: "The device has been signed out." }).waitFor();
  assert.equal(await button(phone, "Sign out Edge 141 on Windows").count(), 0);

  await tabTo(phone, "Sign out on this device");
  await phone.keyboard.press("Space");
  await phone.getByRole("heading", { name: "You are not signed in" }).waitFor();
  assert.deepEqual(await phone.context().cookies(), []);
});

test("all others are signed out at once", async () => {
  const other = await away(ada, firefox);
  await open(laptop);
  await button(laptop, "Sign out all other devices").click();
  await status(laptop).filter({ hasText: "All other devices have been signed out." }).waitFor();
  assert.equal(await list(laptop).count(), 1);
  assert.equal(await signedIn(other), false);
  assert.equal(await signedIn(laptop.context().request), true);
});

test("a form of a session that is over changes nothing", async () => {
  const other = await away(ada, firefox);
  await open(laptop);
  await enter(laptop, "sign-in", ada); // a new session in the place of the former
  await button(laptop, "Sign out all other devices").click();
  await laptop.getByRole("heading", { name: "Nothing was changed" }).waitFor();
  await inspect(laptop, "refused");
  assert.equal(await signedIn(other), true);
  await laptop.getByRole("link", { name: "Back to your devices" }).click();
  assert.equal(await list(laptop).count(), 2);
});

test("accounts on this device", async () => {
  await enter(laptop, "sign-up", bob);
  await open(laptop);
  const accounts = laptop.getByRole("region", { name: "Accounts on this device" }).getByRole("listitem");
  assert.equal(await accounts.count(), 2);
  await inspect(laptop, "accounts");
  await button(laptop, `Switch to ${ada.name} (${ada.email})`).click();
  await status(laptop).filter({ hasText: "You have switched accounts." }).waitFor();
  await laptop.getByText(`Signed in as ${ada.name}`).waitFor();
  await button(laptop, `Sign out ${bob.name} (${bob.email})`).click();
  await status(laptop).filter({ hasText: "The account has been signed out on this device." }).waitFor();
  assert.equal(await accounts.count(), 0);

  await button(laptop, "Sign out on this device").click();
  await laptop.getByRole("heading", { name: "You are not signed in" }).waitFor();
  await inspect(laptop, "signed-out");
  assert.deepEqual(await laptop.context().cookies(), []);
});

test("the page kept to its content security policy and raised no error", () => {
  assert.deepEqual(complaints, []);
});
