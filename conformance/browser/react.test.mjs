// Drives the React app of ../react, which has the official client in it, with a
// real browser. Each test has people of its own.
//
//   RIGS  the rigs that serve the app, by their cookie caches, such as
//         "off=http://127.0.0.1:3000 jwe=http://127.0.0.1:3001"
//   LIVE  one with session events
//
// and what chromium.mjs reads.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { launch, look, open } from "./chromium.mjs";

const rigs = process.env.RIGS.trim().split(/\s+/).map((rig) => rig.split("="));
const password = "correct horse battery";
const iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1";

let url; // of the rig whose turn it is
let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// What the app or the browser complains about, and the requests that the server
// refused, each as "401 GET /list-sessions". A test takes what it expects.
const complaints = [];
const refused = [];
afterEach(() => {
  assert.deepEqual(complaints.splice(0), []);
  assert.deepEqual(refused.splice(0), []);
});

async function expectRefused(...expected) {
  await until(() => refused.length >= expected.length, `the server refused ${expected}`);
  assert.deepEqual(refused.splice(0).sort(), expected.sort());
}

// A device is a browser profile of its own, with the app open and nobody signed
// in. Making a profile is as much work as a whole test, so there is one of each
// kind.
const laptop = () => device("laptop", {});
const phone = () => device("phone", { userAgent: iPhone });

const profiles = new Map();
async function device(name, options) {
  if (!profiles.has(name)) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    profiles.set(name, await tab(context));
  }
  const page = profiles.get(name);
  await page.unrouteAll();
  await page.context().clearCookies();
  await page.goto(url);
  await signedOut(page);
  return page;
}

async function tab(context) {
  const page = await open(context, complaints);
  page.on("response", (response) => {
    if (response.status() >= 400) refused.push(`${response.status()} ${response.request().method()} ${new URL(response.url()).pathname.replace("/api/auth", "")}`);
  });
  return page;
}

// until waits for a condition. It asks more often than a locator does on its
// own, which takes half a second between two looks.
async function until(condition, what) {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

let people = 0;
const person = (name) => ({ name, email: `${name.split(" ")[0].toLowerCase()}-${process.pid}-${++people}@example.com` });

const button = (place, name) => place.getByRole("button", { name, exact: true });
const card = (page, name) => page.getByRole("region", { name, exact: true });
const devices = (page) => card(page, "Your devices").getByRole("listitem");
const accounts = (page) => card(page, "Accounts in this browser").getByRole("listitem");
const has = (list, count) => until(async () => (await list.count()) === count, `there are ${count} of ${list}`);
const shown = (place) => until(() => place.isVisible(), `one sees ${place}`);
const signedIn = (page, { email }) => shown(card(page, "This session").getByText(email));
const signedOut = (page) => shown(card(page, "Sign in"));

async function signUp(page, { name, email }) {
  const form = card(page, "Create an account");
  await form.getByLabel("Name").fill(name);
  await form.getByLabel("E-mail").fill(email);
  await form.getByLabel("Password").fill(password);
  await button(form, "Create account").click();
  await signedIn(page, { email });
}

async function fillIn(form, { email }, secret = password) {
  await form.getByLabel("E-mail").fill(email);
  await form.getByLabel("Password").fill(secret);
  await button(form, "Sign in").click();
}

async function signIn(page, who) {
  await fillIn(card(page, "Sign in"), who);
  await signedIn(page, who);
}

async function addAccount(page, who) {
  await button(page, "Add an account").click();
  await fillIn(card(page, "Accounts in this browser"), who);
  await signedIn(page, who);
}

// refresh returns when the answers to both requests have been shown.
async function refresh(page) {
  await button(page, "Refresh").click();
  await has(page.locator("button:disabled"), 0);
}

// comeToFront is what the page sees when its tab does. (Playwright keeps all its
// pages visible.) The client takes notice once after a load of the page, then at
// most every five seconds.
const comeToFront = (page) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

// cookies maps the names to what the browser keeps, without the common prefix.
async function cookies(page) {
  const all = await page.context().cookies();
  return new Map(all.map((cookie) => [cookie.name.replace("better-auth.", ""), cookie]));
}

const cookieNames = async (page) => [...(await cookies(page)).keys()];

const pictured = new Set();

async function pictures(page, name) {
  if (pictured.has(name)) return;
  pictured.add(name);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await look(page, `react-${name}-${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: null });
}

describe("with session events", () => {
  before(() => { url = `${process.env.LIVE}/?live`; });

  test("a session that another device ends is gone from the page at once, in all tabs", async () => {
    const here = await laptop(), there = await phone();
    const ada = person("Ada Lovelace");
    await signUp(here, ada);
    const second = await tab(here.context());
    await second.goto(url);
    await signedIn(second, ada);
    await signIn(there, ada);
    await has(devices(there), 2);
    await button(there, "Sign out Chrome on Linux").click();
    await signedOut(here);
    await signedOut(second);
    await second.close();
    await signedIn(there, ada);

    // The stream of the next session tells as the first did.
    await signIn(here, ada);
    await refresh(there);
    await button(there, "Sign out all others").click();
    await signedOut(here);
  });
});

for (const [cache, origin] of rigs) describe(`cookie cache ${cache}`, () => {
  before(() => { url = origin; });

  test("a stranger signs up; no script sees the token; a reload keeps the session", async () => {
    const here = await laptop();
    const ada = person("Ada Lovelace");
    await signUp(here, ada);
    await has(devices(here), 1);
    await has(accounts(here), 1);

    const kept = await cookies(here);
    assert.equal(kept.has("session_data"), cache !== "off");
    for (const [name, { httpOnly, sameSite, path }] of kept) assert.deepEqual([httpOnly, sameSite, path], [true, "Lax", "/"], name);
    assert.equal(await here.evaluate(() => document.cookie), "");
    const bodies = await here.evaluate(() => Promise.all(
      ["get-session", "list-sessions", "multi-session/list-device-sessions"].map((path) => fetch("/api/auth/" + path).then((r) => r.text())),
    ));
    const token = decodeURIComponent(kept.get("session_token").value).split(".")[0];
    for (const body of bodies) {
      assert.match(body, /"token":"h_[\w-]{43}"/);
      assert.ok(!body.includes(token), "a raw token");
    }

    await here.reload();
    await signedIn(here, ada);
  });

  test("a wrong password is shown as such, and the form keeps what was typed when the tab comes to the front", async () => {
    const here = await laptop();
    const form = card(here, "Sign in");
    await fillIn(form, { email: "nobody@example.com" }, "wrong password");
    await shown(here.getByRole("alert").filter({ hasText: "Invalid email or password" }));
    await pictures(here, "error");

    const asked = here.waitForResponse("**/api/auth/get-session");
    await comeToFront(here);
    await (await asked).finished();
    assert.equal(await form.getByLabel("E-mail").inputValue(), "nobody@example.com");
    await expectRefused("401 POST /sign-in/email");
  });

  test("two devices see each other; one ends the other, which is signed out on its next fetch", async () => {
    const [here, there] = [await laptop(), await phone()];
    const ada = person("Ada Lovelace");
    await signUp(here, ada);

    const rows = [ // what ends the other, what it fetches next, what the server then refuses
      ["Sign out Safari on iOS", () => comeToFront(there)],
      ["Sign out Safari on iOS", () => button(there, "Sign out all others").click(), "401 POST /revoke-other-sessions"],
      ["Sign out all others", () => button(there, "Refresh").click(), "401 GET /list-sessions"],
      ["Sign out everywhere", () => there.reload()],
    ];
    for (const [end, fetchNext, ...refusals] of rows) {
      await signIn(there, ada);
      await has(devices(there), 2);
      assert.match(await devices(there).first().textContent(), /^Safari on iOS this device/);
      await refresh(here); // which is signed in, whatever became of the other in the row before
      await has(devices(here), 2);
      assert.match(await devices(here).first().textContent(), /^Chrome on Linux this device/);

      await button(here, end).click();
      if (end === "Sign out everywhere") {
        await signedOut(here);
        assert.deepEqual(await cookieNames(here), []);
      } else {
        await has(devices(here), 1);
      }
      await fetchNext();
      await signedOut(there);
      for (const name of ["session_token", "session_data"]) {
        await until(async () => !(await cookies(there)).has(name), `${name} is gone`);
      }
      await expectRefused(...refusals);
    }
  });

  test("a device ends its own session in the list", async () => {
    const here = await laptop();
    await signUp(here, person("Ada Lovelace"));
    await button(here, "Sign out Chrome on Linux, this device").click();
    await signedOut(here);
    assert.deepEqual(await cookieNames(here), []);
  });

  test("signing out in one tab signs out the other", async (t) => {
    const one = await laptop();
    const ada = person("Ada Lovelace");
    await signUp(one, ada);
    const two = await tab(one.context());
    t.after(() => two.close());
    await two.goto(url);
    await signedIn(two, ada);

    await button(one.getByRole("banner"), "Sign out").click();
    await signedOut(one);
    await shown(two.getByRole("status").filter({ hasText: "You are signed out." }));
    await signedOut(two);
    assert.deepEqual(await cookieNames(one), []);
    // The other tab may have asked for its lists at that very moment.
    refused.splice(0, Infinity, ...refused.filter((request) => request !== "401 GET /list-sessions"));
  });

  test("two accounts in one browser", async () => {
    const [here, there] = [await laptop(), await phone()];
    const [ada, grace] = [person("Ada Lovelace"), person("Grace Hopper")];
    await signUp(there, grace);
    await signUp(here, ada);

    await addAccount(here, grace);
    await has(accounts(here), 2);
    assert.match(await accounts(here).filter({ hasText: "active" }).textContent(), /^Grace Hopper/);
    await has(devices(here), 2);
    await pictures(here, "two-accounts");

    await button(here, "Switch to Ada Lovelace").click();
    await signedIn(here, ada);
    await has(devices(here), 1); // hers, none of Grace's
    await here.reload();
    await signedIn(here, ada);

    // Grace's session here ends by her phone. Ada's is another.
    await refresh(there);
    await button(there, "Sign out Chrome on Linux").click();
    await has(devices(there), 1);
    await button(here, "Switch to Grace Hopper").click();
    await shown(here.getByRole("alert").filter({ hasText: "Invalid session token" }));
    await has(accounts(here), 1);
    await signedIn(here, ada);
    await expectRefused("401 POST /multi-session/set-active");

    // One that is not active ends, and the active one stays.
    await addAccount(here, grace);
    await has(accounts(here), 2);
    await button(here, "Sign out Ada Lovelace").click();
    await has(accounts(here), 1);
    await signedIn(here, grace);

    // The active one ends, and the other takes its place.
    await addAccount(here, ada);
    await has(accounts(here), 2);
    await button(here, "Sign out Ada Lovelace").click();
    await signedIn(here, grace);
    await has(accounts(here), 1);

    // Both end, here and not on the phone.
    await addAccount(here, ada);
    await has(accounts(here), 2);
    await button(here.getByRole("banner"), "Sign out").click();
    await signedOut(here);
    assert.deepEqual(await cookieNames(here), []);
    await refresh(there);
    await signedIn(there, grace);
    await has(devices(there), 1);
  });

  test("the only account of a browser ends", async () => {
    const here = await laptop();
    await signUp(here, person("Ada Lovelace"));
    await button(here, "Sign out Ada Lovelace").click();
    await signedOut(here);
    assert.deepEqual(await cookieNames(here), []);
  });

  test("a session that is not to be remembered ends with the browser", async () => {
    const here = await laptop();
    const ada = person("Ada Lovelace");
    await signUp(here, ada);
    const age = (await cookies(here)).get("session_token").expires - Date.now() / 1000;
    assert.ok(age > 604_000 && age < 605_000, `a week is 604800 seconds, not ${age}`);
    await button(here.getByRole("banner"), "Sign out").click();

    await card(here, "Sign in").getByLabel("Remember me").uncheck();
    const [response] = await Promise.all([here.waitForResponse("**/api/auth/sign-in/email"), signIn(here, ada)]);
    const lines = (await response.headersArray()).filter(({ name }) => name.toLowerCase() === "set-cookie").map(({ value }) => value);
    const names = ["session_token", "dont_remember", ...(cache === "off" ? [] : ["session_data"])];
    for (const name of names) {
      const line = lines.find((l) => l.startsWith(`better-auth.${name}=`));
      assert.ok(line, `sign-in sets ${name}`);
      assert.doesNotMatch(line, /Max-Age|Expires/i);
    }
    await here.reload();
    await signedIn(here, ada);
    const kept = await cookies(here);
    for (const name of names) assert.equal(kept.get(name)?.expires, -1, `${name} ends with the browser`);
  });

  test("useSession keeps what it has while the server does not answer, and drops it on 401", async () => {
    const here = await laptop();
    const ada = person("Ada Lovelace");
    await signUp(here, ada);
    const before = (await cookies(here)).get("session_token").value;

    const getSession = "**/api/auth/get-session";
    const alert = here.getByRole("alert").filter({ hasText: "The server does not answer." });
    await here.route(getSession, (route) => route.fulfill({ status: 503, json: { message: "Failed to get session", code: "FAILED_TO_GET_SESSION" } }));
    await button(here, "Refresh").click();
    await shown(alert);
    await signedIn(here, ada);
    await has(devices(here), 1);
    await pictures(here, "no-answer");

    await here.reload(); // nothing is known now, which is not to say that nobody is signed in
    await shown(alert);
    assert.equal(await card(here, "Sign in").count(), 0);
    await here.unroute(getSession);
    await button(alert, "Try again").click();
    await signedIn(here, ada);
    await has(alert, 0);

    await here.route(getSession, (route) => route.abort("connectionrefused"));
    await button(here, "Refresh").click();
    await shown(alert);
    await signedIn(here, ada);
    await here.unroute(getSession);
    await button(alert, "Try again").click();
    await has(alert, 0);
    await signedIn(here, ada);
    assert.equal((await cookies(here)).get("session_token").value, before);

    await here.route(getSession, (route) => route.fulfill({ status: 401, json: { message: "Unauthorized", code: "UNAUTHORIZED" } }));
    await button(here, "Refresh").click();
    await signedOut(here);
    await has(alert, 0);
    await expectRefused("503 GET /get-session", "503 GET /get-session", "401 GET /get-session");
  });
});
