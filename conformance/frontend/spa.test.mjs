// Mounts the recipe for React or for Vue in jsdom and uses it as people do. Its
// requests go through Vite's development server, by the recipe's own configuration,
// to a rig with multi-session.
//
//   RIG_URL      where Vite's server is to listen; the rig's base URL
//   SERVICE_URL  where the rig listens
//   ROOT         the recipe's folder
//   FRAMEWORK    react or vue

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { createServer } from "vite";
import { bundle } from "./bundle.mjs";
import { Browser, dom, rig, until } from "../client/browser.mjs";

const { ROOT: root, FRAMEWORK: framework } = process.env;
const configFile = join(root, "vite.config.ts");
const vite = await createServer({ root, configFile, logLevel: "warn", optimizeDeps: { noDiscovery: true }, server: { port: Number(new URL(rig).port), strictPort: true } });
await vite.listen();
after(() => vite.close());
after(() => dom.window.close());

// The page's requests are those of one browser. Where people sign in is the
// application's own; here it is the example's route.
const page = new Browser();
let down = false;
globalThis.fetch = async (input, init) => {
  if (down) return new Response("{}", { status: 503, headers: { "content-type": "application/json" } });
  const url = new URL(input, rig);
  if (url.pathname === "/api/login") url.pathname = "/api/auth/sign-in/email";
  return page.fetch(url, init);
};

const parts = framework === "vue" ? { App: "src/App.vue", auth: "src/auth.ts" } : { App: "src/App.tsx", auth: "src/auth.ts", Login: "src/Login.tsx" };
const { App, auth, Login } = await bundle(root, parts, { configFile });

async function mounted() {
  const place = document.getElementById("root");
  if (framework === "vue") {
    const { createApp } = await import("vue");
    const app = createApp(App.default);
    app.mount(place);
    return () => app.unmount();
  }
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");
  const app = createRoot(place);
  app.render(createElement(App.App));
  return () => app.unmount();
}

const shown = () => document.getElementById("root").textContent;
const shows = (text) => until(() => shown().includes(text), `the page shows ${JSON.stringify(text)}, not ${JSON.stringify(shown())}`);
const devices = () => [...document.querySelectorAll("section li")];
const listed = (count) => until(() => devices().length === count, `${count} devices are listed`);
const click = (text, within = document) => [...within.querySelectorAll("button")].find((b) => b.textContent.trim() === text).click();

const password = "correct horse battery";
const emailOf = (name) => `${name.toLowerCase()}-${framework}@example.com`;
async function signUp(name) {
  const browser = new Browser();
  assert.equal((await browser.client.signUp.email({ name, email: emailOf(name), password })).error, null);
  return browser;
}
async function signIn(name) {
  const browser = new Browser();
  assert.equal((await browser.client.signIn.email({ email: emailOf(name), password })).error, null);
  return browser;
}
const signedIn = async (browser) => (await browser.client.getSession()).data !== null;

test("the page, from signing in to signing out", async () => {
  const phone = await signUp("Ada");
  await signUp("Eve");

  down = true; // a service that does not answer is not one that says "nobody"
  let unmount = await mounted();
  await shows("The server does not answer.");
  down = false;
  click("Try again");
  await shows("Sign in");

  await assert.rejects(auth.signIn(emailOf("Ada"), "wrong password"), /Wrong e-mail address or password/);
  await auth.signIn(emailOf("Ada"), password);
  await shows("Hello, Ada");
  await listed(2);
  assert.equal(devices().filter((li) => li.textContent.includes("this device")).length, 1);
  assert.equal(devices().filter((li) => li.querySelector("button")).length, 1);
  click("Sign out", document.querySelector("section"));
  await listed(1);
  assert.equal(await signedIn(phone), false);

  const others = [await signIn("Ada"), await signIn("Ada")];
  unmount();
  unmount = await mounted();
  await listed(3);
  click("Sign out all others");
  await listed(1);
  for (const other of others) assert.equal(await signedIn(other), false);
  assert.equal(await signedIn(page), true);

  await auth.signIn(emailOf("Eve"), password); // beside Ada
  await shows("Hello, Eve");
  await until(() => document.querySelectorAll("main > ul li").length === 2, "both accounts are listed");
  click("Switch");
  await shows("Hello, Ada");

  const tablet = await signIn("Ada");
  unmount();
  unmount = await mounted();
  await listed(2);
  assert.equal((await tablet.client.revokeOtherSessions()).error, null);
  click("Sign out", document.querySelector("section")); // too late: this one is over
  await shows("Sign in");
  assert.equal(await signedIn(tablet), true);

  await auth.signIn(emailOf("Ada"), password);
  await shows("Hello, Ada");
  click("Sign out");
  await shows("Sign in");
  assert.deepEqual([...page.cookies.keys()], []);
  unmount();
});

if (framework === "react") test("the form that signs in", async () => {
  await signUp("Lin");
  globalThis.FormData = dom.window.FormData; // Node's knows no forms
  const { createElement } = await import("react");
  const { createRoot } = await import("react-dom/client");
  let signedInNow = 0;
  const form = createRoot(document.getElementById("root"));
  form.render(createElement(Login.Login, { onSignedIn: () => signedInNow++ }));
  await shows("Password");
  const fill = (secret) => {
    document.querySelector("[name=email]").value = emailOf("Lin");
    document.querySelector("[name=password]").value = secret;
    click("Sign in");
  };
  fill("wrong password");
  await shows("Wrong e-mail address or password.");
  fill(password);
  await until(() => signedInNow === 1, "the form says that somebody is signed in");
  assert.equal((await page.client.getSession()).data.user.name, "Lin");
  form.unmount();
});

test("through the proxy, other sites' pages get nothing", async () => {
  const browser = await signUp("Grace");
  const { status, json } = await browser.send("POST", "/api/auth/sign-out", { origin: "https://evil.example" });
  assert.deepEqual([status, json.code], [403, "INVALID_ORIGIN"]);
  assert.equal(await signedIn(browser), true);
});
