// Drives the example's page with a real browser, as two people's devices do.
//
//   EXAMPLE_URL  where the example is, such as http://localhost:8080
//
// and what chromium.mjs reads.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, look, open } from "./chromium.mjs";

const url = process.env.EXAMPLE_URL ?? "http://localhost:8080";
const person = { name: "Ada Lovelace", email: "ada@example.com", password: "correct horse battery" };

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

// device opens the page in a browser profile of its own. Whatever the page
// complains about on its console fails the test in the end.
const complaints = [];
async function device(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await open(context, complaints);
  await page.goto(url);
  return page;
}

async function signIn(page, password = person.password) {
  const form = page.locator("#sign-in");
  await form.getByLabel("E-mail").fill(person.email);
  await form.getByLabel("Password").fill(password);
  await form.getByRole("button", { name: "Sign in" }).click();
}

const devices = (page) => page.locator("#devices li");
const heading = (page, name) => page.getByRole("heading", { name });

async function noCookieInSight(page) {
  assert.equal(await page.evaluate(() => document.cookie), "", "scripts see no session cookie");
  const cookies = await page.context().cookies();
  const session = cookies.find((c) => c.name === "better-auth.session_token");
  assert.ok(session?.httpOnly, "though the browser has one");
  const { token, body } = await page.evaluate(async () => {
    const answers = await Promise.all(["get-session", "list-sessions"].map((path) => fetch("/api/auth/" + path).then((r) => r.text())));
    return { token: JSON.parse(answers[0]).session.token, body: answers.join("") };
  });
  assert.match(token, /^h_/);
  assert.ok(!body.includes(decodeURIComponent(session.value).split(".")[0]), "nor the token in a body");
}

let laptop, phone;

test("a stranger signs up and is signed in", async () => {
  laptop = await device();
  await heading(laptop, "Sign in").waitFor();
  await look(laptop, "page-signed-out");

  const form = laptop.locator("#sign-up");
  await form.getByLabel("Name").fill(person.name);
  await form.getByLabel("E-mail").fill(person.email);
  await form.getByLabel("Password").fill(person.password);
  await form.getByRole("button", { name: "Create account" }).click();
  await heading(laptop, "This session").waitFor();
  assert.equal(await laptop.locator("#user-name").textContent(), person.name);
  assert.match(await laptop.locator("#me").textContent(), /"email": "ada@example.com"/);
  assert.equal(await devices(laptop).count(), 1);
  await noCookieInSight(laptop);
});

test("a reload keeps the session", async () => {
  await laptop.reload();
  await heading(laptop, "This session").waitFor();
});

test("errors are shown", async () => {
  phone = await device({ viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await signIn(phone, "not the password");
  await phone.getByRole("alert").filter({ hasText: "Invalid email or password" }).waitFor();
  await look(phone, "page-error-dark");
});

test("a second device signs in, and both are listed", async () => {
  await signIn(phone);
  await heading(phone, "This session").waitFor();
  assert.equal(await phone.getByRole("alert").count(), 0, "the error is gone");
  await noCookieInSight(phone);

  await laptop.getByRole("button", { name: "Refresh" }).click();
  await devices(laptop).nth(1).waitFor();
  assert.equal(await devices(laptop).count(), 2);
  assert.equal(await laptop.locator(".badge:visible").count(), 1);
  assert.equal(await devices(laptop).first().locator(".badge:visible").textContent(), "this device");
  await look(laptop, "page-signed-in");
  await look(phone, "page-signed-in-dark");
});

test("the first device revokes the second, which is signed out on its next fetch", async () => {
  await devices(laptop).nth(1).getByRole("button").click();
  await devices(laptop).nth(1).waitFor({ state: "detached" });

  await phone.getByRole("button", { name: "Refresh" }).click();
  await heading(phone, "Sign in").waitFor();
  await phone.getByRole("status").filter({ hasText: "This device has been signed out." }).waitFor();
  assert.deepEqual((await phone.context().cookies()).map((c) => c.name), []);
  await laptop.getByRole("button", { name: "Refresh" }).click();
  assert.equal(await laptop.locator("#user-name").textContent(), person.name);
});

test("signing out all others, then this one", async () => {
  await signIn(phone);
  await heading(phone, "This session").waitFor();
  await phone.getByRole("button", { name: "Sign out all others" }).click();
  await devices(phone).nth(1).waitFor({ state: "detached" });
  await laptop.getByRole("button", { name: "Refresh" }).click();
  await heading(laptop, "Sign in").waitFor();

  await phone.getByRole("banner").getByRole("button", { name: "Sign out" }).click();
  await heading(phone, "Sign in").waitFor();
  assert.deepEqual((await phone.context().cookies()).map((c) => c.name), []);
});

test("the page kept to its content security policy and raised no error", () => {
  assert.deepEqual(complaints, []);
});
