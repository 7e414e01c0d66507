// Drives a running rig with the official Better Auth client, unmodified.
//
//   RIG_URL       where the rig is, such as http://127.0.0.1:3000
//   RIG_CACHE     its cookie cache: off, securecookie, compact, jwt or jwe
//   RIG_FEATURES  1 if it has multi-session, bearer and session fields
//   RIG_TOKENS    1 if it shows raw tokens, and takes them unsigned as bearers
//   RIG_DEFER     1 if it renews on POST only
//
// Every test has a user of its own, so none depends on another. Each Browser is
// one device.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Browser, advance, dom, exposed, rig, until } from "./browser.mjs";

const features = process.env.RIG_FEATURES === "1";
const deferred = process.env.RIG_DEFER === "1";
const cached = (process.env.RIG_CACHE ?? "off") !== "off";
// What one rig is not made for, another of the same run is.
const testIf = (applies, ...args) => applies && test(...args);
const password = "correct horse battery";
let users = 0;

// newUser signs somebody new up in a browser of their own.
async function newUser() {
  const email = `user-${++users}-${process.pid}@example.com`;
  const browser = new Browser();
  const { data, error } = await browser.client.signUp.email({ name: "Ada Lovelace", email, password });
  assert.equal(error, null);
  return { email, browser, user: data.user };
}

async function signIn(email, extra = {}) {
  const browser = new Browser();
  const { error } = await browser.client.signIn.email({ email, password, ...extra });
  assert.equal(error, null);
  return browser;
}

async function session(browser) {
  const { data, error } = await browser.client.getSession();
  assert.equal(error, null);
  return data;
}

function assertError({ data, error }, status, code, message) {
  assert.equal(data, null);
  assert.deepEqual({ status: error?.status, code: error?.code, message: error?.message }, { status, code, message });
}

after(() => dom.window.close());

test("signed out: no session is no error, guarded calls are 401", async () => {
  const { client, exchanges } = new Browser();
  assert.deepEqual(await client.getSession().then(({ data, error }) => [data, error]), [null, null]);
  assert.deepEqual([exchanges[0].method, exchanges[0].path], ["GET", "/api/auth/get-session"]);
  assert.equal(exchanges[0].headers.get("cache-control"), "no-store");
  assert.equal(exchanges[0].headers.get("content-type"), "application/json");
  for (const call of [
    () => client.listSessions(),
    () => client.revokeSession({ token: "nothing" }),
    () => client.revokeSessions(),
    () => client.revokeOtherSessions(),
    () => client.updateSession({ theme: "dark" }),
  ]) {
    assertError(await call(), 401, "UNAUTHORIZED", "Unauthorized");
  }
  assert.deepEqual((await client.signOut()).data, { success: true });
});

test("signUp.email signs in and answers the user", async () => {
  const { browser, user, email } = await newUser();
  assert.equal(user.email, email);
  assert.equal(user.name, "Ada Lovelace");
  assert.equal(user.emailVerified, false);
  assert.equal(user.image, null);
  assert.match(user.id, /^[A-Za-z0-9]{32}$/);
  assert.ok(user.createdAt instanceof Date);
  assert.equal((await session(browser)).user.id, user.id);
});

test("signUp.email refuses what Better Auth refuses, in its words", async () => {
  const { email } = await newUser();
  const { client } = new Browser();
  const signUp = (fields) => client.signUp.email({ name: "Eve", email: "eve@example.com", password, ...fields });
  const taken = [422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email."];
  assertError(await signUp({ email }), ...taken);
  assertError(await signUp({ email: email.toUpperCase() }), ...taken);
  assertError(await signUp({ password: "short" }), 400, "PASSWORD_TOO_SHORT", "Password too short");
  assertError(await signUp({ password: "x".repeat(129) }), 400, "PASSWORD_TOO_LONG", "Password too long");
  assertError(await signUp({ email: "nobody" }), 400, "VALIDATION_ERROR", "[body.email] Invalid email address");
  assertError(await signUp({ name: 7 }), 400, "VALIDATION_ERROR", "[body.name] Invalid input: expected string, received number");
});

test("signIn.email knows the password; who has an account it does not tell", async () => {
  const { email, user } = await newUser();
  const browser = new Browser();
  const wrong = [401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"];
  assertError(await browser.client.signIn.email({ email, password: "wrong password" }), ...wrong);
  assertError(await browser.client.signIn.email({ email: "nobody@example.com", password }), ...wrong);
  assertError(await browser.client.signIn.email({ email: "nobody", password }), 400, "INVALID_EMAIL", "Invalid email");
  assert.equal(browser.cookies.size, 0);

  const { data, error } = await browser.client.signIn.email({ email: email.toUpperCase(), password });
  assert.equal(error, null);
  assert.equal(data.redirect, false);
  assert.equal(data.user.id, user.id);
  const { data: current } = await browser.client.getSession();
  assert.equal(data.token, current.session.token, "sign-in and get-session name the session alike");
});

test("the session cookie has the contract's form", async () => {
  const browser = await signIn((await newUser()).email);
  const line = browser.last.setCookie.find((l) => l.startsWith("better-auth.session_token="));
  assert.match(line, /^better-auth\.session_token=[A-Za-z0-9]{32}\.[A-Za-z0-9%]+%3D; Max-Age=604800; Path=\/; HttpOnly; SameSite=Lax$/);
  assert.equal(browser.last.setCookie.length, 1 + cached + features);
});

test("rememberMe: false leaves no cookie behind when the browser closes", async () => {
  const browser = await signIn((await newUser()).email, { rememberMe: false });
  assert.ok(browser.cookie("dont_remember"));
  assert.ok(browser.last.setCookie.length >= 2);
  for (const line of browser.last.setCookie) assert.doesNotMatch(line, /Max-Age|Expires/i);
  assert.notEqual(await session(browser), null);
});

test("getSession: session and user with dates, a handle for a token", async () => {
  const { browser, user } = await newUser();
  const { session: s, user: u } = await session(browser);
  for (const key of ["expiresAt", "createdAt", "updatedAt"]) assert.ok(s[key] instanceof Date, key);
  for (const key of ["id", "ipAddress", "userAgent"]) assert.equal(typeof s[key], "string", key);
  assert.equal(s.userId, user.id);
  assert.deepEqual(u, user);
  if (exposed) assert.equal(s.token, browser.token);
  else assert.match(s.token, /^h_[\w-]{43}$/);
});

testIf(!exposed, "a handle and a bare token authenticate nobody", async () => {
  const { browser } = await newUser();
  const { session: { token: handle } } = await session(browser);
  const signature = decodeURIComponent(browser.cookie("session_token")).split(".")[1];
  for (const value of [handle, browser.token, `${handle}.${signature}`, `${browser.token}.${"A".repeat(43)}=`]) {
    const thief = new Browser();
    thief.cookies.set("better-auth.session_token", encodeURIComponent(value));
    assert.equal(await session(thief), null);
    assert.deepEqual(thief.last.setCookie, []);
    const { json } = await new Browser().send("GET", "/api/auth/get-session", { authorization: `Bearer ${value}` });
    assert.equal(json, null);
  }
});

testIf(!deferred, cached ? "the cookie cache answers" : "there is no cookie cache", async () => {
  const { browser } = await newUser();
  const before = await session(browser);
  const again = await session(browser);
  assert.deepEqual(again, before);
  assert.deepEqual(browser.last.setCookie, []);
  assert.equal(browser.cookie("session_data") !== undefined, cached);
  const { data } = await browser.client.getSession({ query: { disableCookieCache: true } });
  assert.deepEqual(data, before);
});

test("listSessions shows every device, revokeSession ends one", async () => {
  const { browser: laptop, email } = await newUser();
  const phone = await signIn(email);
  const [here, there] = [(await session(laptop)).session, (await session(phone)).session];

  const { data: list } = await laptop.client.listSessions();
  assert.deepEqual(list.map((s) => s.token).sort(), [here.token, there.token].sort());
  for (const s of list) {
    assert.ok(s.createdAt instanceof Date && s.expiresAt instanceof Date);
    assert.ok(!("user" in s));
  }
  assert.deepEqual((await laptop.client.revokeSession({ token: there.token })).data, { status: true });
  assert.deepEqual([laptop.last.method, laptop.last.contentType, laptop.last.sent], ["POST", "application/json", JSON.stringify({ token: there.token })]);
  assert.equal((await phone.send("GET", "/me")).status, 401, "this node refuses it at once, cached or not");
  assert.equal(await session(phone), null);
  assert.equal(phone.cookie("session_token"), undefined);
  assert.equal((await session(laptop)).session.id, here.id);
  assert.equal((await laptop.client.listSessions()).data.length, 1);
});

test("revokeSession ends nobody else's session and tells nothing", async () => {
  const mine = (await newUser()).browser;
  const others = (await newUser()).browser;
  const { session: { token } } = await session(others);
  assert.deepEqual((await mine.client.revokeSession({ token })).data, { status: true });
  assert.deepEqual((await mine.client.revokeSession({ token: "no-such-token" })).data, { status: true });
  const { data } = await others.client.getSession({ query: { disableCookieCache: true } });
  assert.equal(data.session.token, token);
});

test("revokeSession of one's own session signs out", async () => {
  const { browser } = await newUser();
  const { session: { token } } = await session(browser);
  assert.deepEqual((await browser.client.revokeSession({ token })).data, { status: true });
  assert.equal(browser.cookies.size, 0);
});

test("revokeOtherSessions keeps this device alone", async () => {
  const { browser: laptop, email } = await newUser();
  const others = [await signIn(email), await signIn(email)];
  assert.deepEqual((await laptop.client.revokeOtherSessions()).data, { status: true });
  for (const other of others) assert.equal(await session(other), null);
  assert.notEqual(await session(laptop), null);
  assert.equal((await laptop.client.listSessions()).data.length, 1);
});

test("revokeSessions ends every device, this one too", async () => {
  const { browser: laptop, email } = await newUser();
  const phone = await signIn(email);
  assert.deepEqual((await laptop.client.revokeSessions()).data, { status: true });
  assert.equal(laptop.cookies.size, 0);
  assert.equal(await session(phone), null);
});

testIf(!features, "updateSession: there are no fields to update", async () => {
  const { browser } = await newUser();
  assertError(await browser.client.updateSession({ theme: "dark" }), 400, undefined, "No fields to update");
  assertError(await browser.client.updateSession({ userId: "somebody", expiresAt: "2099-01-01T00:00:00.000Z" }), 400, undefined, "No fields to update");
});

test("signOut ends the session, not only the cookie", async () => {
  const { browser } = await newUser();
  const kept = new Map(browser.cookies);
  assert.deepEqual((await browser.client.signOut()).data, { success: true });
  assert.deepEqual([browser.last.method, browser.last.sent], ["POST", "{}"]);
  assert.equal(browser.cookies.size, 0);
  browser.cookies = kept;
  assert.equal(await session(browser), null, "the old cookie is dead, cached copy and all");
});

test("signing in again ends the session that the browser had", async () => {
  const { browser, email } = await newUser();
  const before = new Browser();
  before.cookies = new Map(browser.cookies);
  assert.equal((await browser.client.signIn.email({ email, password })).error, null);
  assert.equal(await session(before), null);
  assert.equal((await browser.client.listSessions()).data.length, 1);
});

test("the guards: RequireSession and RequireFresh", async () => {
  const { browser, user } = await newUser();
  assert.deepEqual((await browser.send("GET", "/me")).json, { id: user.id, email: user.email });
  assert.deepEqual((await browser.send("POST", "/fresh")).json, { fresh: true });
  await advance("11m");
  const { status, json } = await browser.send("POST", "/fresh");
  assert.deepEqual([status, json], [403, { message: "Session is not fresh", code: "SESSION_NOT_FRESH" }]);
  assert.equal((await browser.send("GET", "/me")).status, 200);
  assert.equal((await new Browser().send("GET", "/me")).status, 401);
});

testIf(!deferred, "bad requests are refused in the contract's words and change nothing", async () => {
  const { browser } = await newUser();
  const json = { "content-type": "application/json" };
  const rows = [
    ["foreign origin", "POST", "/revoke-sessions", { ...json, body: "{}", origin: "https://evil.example" }, 403, "INVALID_ORIGIN", "Invalid origin"],
    ["no origin", "POST", "/revoke-sessions", { ...json, body: "{}", origin: "" }, 403, "MISSING_OR_NULL_ORIGIN", "Missing or null Origin"],
    ["sign-in from a foreign page", "POST", "/sign-in/email", { ...json, body: "{}", origin: "https://evil.example" }, 403, "INVALID_ORIGIN", "Invalid origin"],
    ["plain text", "POST", "/revoke-session", { "content-type": "text/plain", body: "{}" }, 415, "UNSUPPORTED_MEDIA_TYPE", 'Content-Type "text/plain" is not allowed. Allowed types: application/json'],
    ["a form", "POST", "/sign-in/email", { "content-type": "application/x-www-form-urlencoded", body: "email=a" }, 415, "UNSUPPORTED_MEDIA_TYPE", 'Content-Type "application/x-www-form-urlencoded" is not allowed. Allowed types: application/json'],
    ["broken JSON", "POST", "/revoke-session", { ...json, body: "{" }, 400, "BAD_REQUEST", "Invalid JSON in request body"],
    ["no token", "POST", "/revoke-session", { ...json, body: "{}" }, 400, "VALIDATION_ERROR", "[body.token] Invalid input: expected string, received undefined"],
    ["POST get-session", "POST", "/get-session", { ...json, body: "{}" }, 405, "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED", "POST method requires deferSessionRefresh to be enabled in session config"],
  ];
  for (const [name, method, path, request, status, code, message] of rows) {
    const answer = await browser.send(method, "/api/auth" + path, request);
    assert.deepEqual([answer.status, answer.json], [status, { message, code }], name);
  }
  for (const [method, path] of [["POST", "/list-sessions"], ["GET", "/sign-out"], ["GET", "/no-such-route"], ["GET", "/get-session/"], ["HEAD", "/ok"]]) {
    const answer = await browser.send(method, "/api/auth" + path, method === "POST" ? { ...json, body: "{}" } : {});
    assert.deepEqual([answer.status, answer.text], [404, ""], `${method} ${path}`);
  }
  const large = await browser.send("POST", "/api/auth/sign-in/email", { ...json, body: JSON.stringify({ email: "a@example.com", password: "x".repeat(70_000) }) });
  assert.equal(large.status, 413);
  assert.deepEqual((await browser.send("GET", "/api/auth/ok")).json, { ok: true });
  assert.notEqual(await session(browser), null);
});

test("useSession: its store loads, refetches after a revocation, empties at sign-out", async () => {
  const { browser, user, email } = await newUser();
  const { session: other } = await session(await signIn(email));
  const states = [];
  const stop = browser.client.useSession.subscribe((state) => states.push({ ...state }));
  const now = () => states.at(-1);
  assert.deepEqual([states[0].isPending, states[0].data], [true, null]);
  await until(() => now().data, "the session is there");
  assert.deepEqual([now().data.user.id, now().isPending, now().error], [user.id, false, null]);

  const reads = () => browser.exchanges.filter((e) => e.path === "/api/auth/get-session").length;
  const before = reads();
  await browser.client.revokeSession({ token: other.token }); // 1.5 does not refetch after revokeOtherSessions
  await until(() => reads() > before && !now().isRefetching, "it was read again");
  assert.equal(now().data.user.id, user.id);

  await browser.client.signOut();
  await until(() => now().data === null && !now().isPending, "it is empty");
  stop();
});

test("useSession in React: pending, the user, and nobody once another device revoked it", async () => {
  const { default: React } = await import("react");
  const { createRoot } = await import("react-dom/client");
  const { browser: laptop, email, user } = await newUser();
  const phone = await signIn(email);
  const client = phone.reactClient();

  const seen = [];
  let refetch;
  function View() {
    const { data, isPending, error, refetch: again } = client.useSession();
    refetch = again;
    const text = error ? `error ${error.status}` : isPending ? "pending" : data ? `${data.user.id} until ${data.session.expiresAt.toISOString()}` : "nobody";
    if (seen.at(-1) !== text) seen.push(text);
    return React.createElement("p", null, text);
  }
  const shown = () => document.querySelector("#root p")?.textContent ?? "";
  const root = createRoot(document.getElementById("root"));
  root.render(React.createElement(View));
  await until(() => shown().startsWith(user.id), "the user is shown");
  assert.equal(seen[0], "pending");
  assert.match(shown(), /until \d{4}-\d\d-\d\dT/);

  const { session: { token } } = await session(phone);
  await laptop.client.revokeSession({ token });
  await refetch();
  await until(() => shown() === "nobody", "nobody is shown");
  assert.equal(phone.cookie("session_token"), undefined);
  root.unmount();
});

test("useSession in React: signOut empties it", async () => {
  const { default: React } = await import("react");
  const { createRoot } = await import("react-dom/client");
  const { browser, user } = await newUser();
  const client = browser.reactClient();
  const View = () => React.createElement("p", null, client.useSession().data?.user.id ?? "nobody");
  const root = createRoot(document.getElementById("root"));
  root.render(React.createElement(View));
  const shown = () => document.querySelector("#root p")?.textContent;
  await until(() => shown() === user.id, "the user is shown");
  await client.signOut();
  await until(() => shown() === "nobody", "nobody is shown");
  root.unmount();
});

testIf(!deferred, "a session in use is renewed, one that is left alone expires", async () => {
  const { browser, email } = await newUser();
  const idle = await signIn(email);
  const start = (await session(browser)).session;
  await advance("144h"); // six days of seven
  const renewed = (await session(browser)).session;
  assert.equal(renewed.id, start.id);
  assert.ok(renewed.expiresAt - start.expiresAt >= 5 * 86_400_000, "renewed for another seven days");
  assert.ok(browser.last.setCookie.some((l) => /^better-auth\.session_token=.*; Max-Age=604800;/.test(l)));

  await advance("25h"); // the idle one is past its seven days
  assert.equal(await session(idle), null);
  assert.equal(idle.cookie("session_token"), undefined, "its cookies were expired");
  assert.equal((await session(browser)).session.id, start.id);
  if (!exposed) assert.equal((await browser.client.listSessions()).data.length, 1); // else it must be fresh

  await advance("168h");
  assert.equal((await browser.send("GET", "/me")).status, 401);
  assert.equal(await session(browser), null);
  assertError(await browser.client.listSessions(), 401, "UNAUTHORIZED", "Unauthorized");
});

testIf(deferred, "deferSessionRefresh: GET only tells, POST renews", async () => {
  const { browser } = await newUser();
  const start = (await session(browser)).session;
  const { data: young } = await browser.client.getSession({ query: { disableCookieCache: true } });
  assert.equal(young.needsRefresh, false);
  await advance("25h");
  const { data: due } = await browser.client.getSession({ query: { disableCookieCache: true } });
  assert.equal(due.needsRefresh, true);
  assert.deepEqual(due.session.expiresAt, start.expiresAt);
  const { status, json } = await browser.send("POST", "/api/auth/get-session");
  assert.equal(status, 200);
  assert.ok(!("needsRefresh" in json));
  assert.ok(new Date(json.session.expiresAt) > start.expiresAt);

  // useSession sends that POST by itself.
  await advance("25h");
  const posts = () => browser.exchanges.filter((x) => x.method === "POST" && x.path === "/api/auth/get-session").length;
  const before = posts();
  const stop = browser.client.useSession.subscribe(() => {});
  await until(() => posts() > before, "the client has sent a POST of its own");
  stop();
});

testIf(features, "updateSession writes fields, and getSession shows them", async () => {
  const { browser } = await newUser();
  const before = await session(browser);
  assert.deepEqual([before.session.theme, before.session.count, before.session.pinned], [null, 7, false]);
  const theme = 'dark "\u{1f600}" <&> \u2028 \\ \u0001';
  const { data, error } = await browser.client.updateSession({ theme, count: 3, pinned: true, noSuchField: 1 });
  assert.equal(error, null);
  assert.deepEqual([data.session.theme, data.session.count, data.session.pinned], [theme, 3, true]);
  const after = await session(browser);
  assert.deepEqual([after.session.theme, after.session.count, after.session.pinned, after.session.id], [theme, 3, true, before.session.id]);
  assert.equal((await browser.client.listSessions()).data[0].theme, theme);

  assert.equal((await browser.client.updateSession({ theme: null })).data.session.theme, null);
  assertError(await browser.client.updateSession({ count: "many" }), 400, "VALIDATION_ERROR", "[body.count] Invalid input: expected int, received string");
  assertError(await browser.client.updateSession({ noSuchField: 1 }), 400, undefined, "No fields to update");
  assertError(await browser.client.updateSession({ userId: "somebody", expiresAt: "2099-01-01T00:00:00.000Z" }), 400, undefined, "No fields to update");
});

testIf(features, "multiSession: two accounts on one device", async () => {
  const device = new Browser();
  const { multiSession } = device.client;
  assert.deepEqual((await multiSession.listDeviceSessions()).data, []);
  const [ada, bob] = [(await newUser()).email, (await newUser()).email];
  const signInHere = async (email) => {
    assert.equal((await device.client.signIn.email({ email, password })).error, null);
    return { ...(await session(device)), raw: device.token };
  };
  const one = await signInHere(ada);
  const two = await signInHere(bob);
  for (const { raw } of [one, two]) assert.ok(device.cookie(`session_token_multi-${raw.toLowerCase()}`), "a device cookie");

  const { data: list } = await multiSession.listDeviceSessions();
  assert.deepEqual(list.map((x) => [x.user.email, x.session.token]), [[ada, one.session.token], [bob, two.session.token]]);
  assert.ok(list.every((x) => x.session.expiresAt instanceof Date));

  const { data: active } = await multiSession.setActive({ sessionToken: one.session.token });
  assert.deepEqual([device.last.method, device.last.path], ["POST", "/api/auth/multi-session/set-active"]);
  assert.deepEqual([active.user.email, active.session.token], [ada, one.session.token]);
  assert.equal((await session(device)).user.email, ada);
  assertError(await multiSession.setActive({ sessionToken: "nope" }), 401, "INVALID_SESSION_TOKEN", "Invalid session token");

  // Another device cannot take over a session that it only knows by name.
  assertError(await (await newUser()).browser.client.multiSession.setActive({ sessionToken: two.session.token }), 401, "INVALID_SESSION_TOKEN", "Invalid session token");

  assert.deepEqual((await multiSession.revoke({ sessionToken: two.session.token })).data, { status: true });
  assert.equal((await session(device)).user.email, ada);
  assert.equal(device.cookie(`session_token_multi-${two.raw.toLowerCase()}`), undefined);

  const again = await signInHere(bob);
  assert.deepEqual((await multiSession.revoke({ sessionToken: again.session.token })).data, { status: true });
  assert.equal((await session(device)).user.email, ada, "the other account takes its place");

  await signInHere(bob);
  await signInHere(ada); // ends this user's former session here
  assert.deepEqual((await multiSession.listDeviceSessions()).data.map((x) => x.user.email).sort(), [ada, bob].sort());
  assert.equal((await device.client.listSessions()).data.length, 2, "this one, and the one of the sign-up");
  await device.client.signOut();
  assert.equal(device.cookies.size, 0);
  assert.deepEqual((await multiSession.listDeviceSessions()).data, []);
});

testIf(features, "bearer: the signed token in place of the cookie", async () => {
  const { email, user } = await newUser();
  const browser = await signIn(email);
  const issued = browser.last.headers.get("set-auth-token");
  assert.equal(issued, decodeURIComponent(browser.cookie("session_token")));
  assert.match(browser.last.headers.get("access-control-expose-headers"), /set-auth-token/);

  const app = (token) => new Browser().send("GET", "/api/auth/get-session", { authorization: `Bearer ${token}` });
  assert.equal((await app(issued)).json.user.id, user.id);
  assert.equal((await app(encodeURIComponent(issued))).json.user.id, user.id);
  assert.equal((await app(`${browser.token}.${"A".repeat(43)}=`)).json, null);
  assert.equal((await app(browser.token)).json?.user.id, exposed ? user.id : undefined);

  const jarless = new Browser();
  const { status } = await jarless.send("POST", "/api/auth/sign-out", { authorization: `Bearer ${issued}`, "content-type": "application/json", origin: "", body: "{}" });
  assert.equal(status, 200, "no cookies, no origin, nothing to forge");
  assert.equal(await session(browser), null);
});
