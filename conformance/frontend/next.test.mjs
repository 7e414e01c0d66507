// Runs the recipe for Next.js as what it is: functions of a Request, and a component
// that is rendered on the server. Of Next.js itself there are two stand-ins.
//
//   RIG_URL  a rig with the cookie cache jwe, which is also the recipe's service
//   SECRET   its secret, and that of the others
//   RIGS     others: "compact=URL jwt=URL securecookie=URL https=URL", the last with
//            the base URL https://app.example.com
//   ROOT     the recipe's folder

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { bundle } from "./bundle.mjs";
import { Browser, advance, dom, rig } from "../client/browser.mjs";
import { getCookieCache } from "better-auth/cookies";
import { renderToString } from "react-dom/server";

Object.assign(process.env, { SERVICE_URL: rig, SESSION_SECRET: process.env.SECRET, BASE_URL: rig });
const root = process.env.ROOT;
const { proxy, cached, session, page, headers, config } = await bundle(
  root,
  { proxy: "proxy.ts", cached: "lib/cached.ts", session: "lib/session.ts", page: "app/account/page.tsx", headers: "../next/headers.ts", config: "next.config.ts" },
  { resolve: { alias: { "next/headers": join(root, "../next/headers.ts"), "next/navigation": join(root, "../next/navigation.ts") } } },
);
const rigs = Object.fromEntries(process.env.RIGS.trim().split(" ").map((rig) => rig.split("=")));
after(() => dom.window.close());

let users = 0;
const person = () => ({ name: "Ada", email: `next-${++users}@example.com`, password: "correct horse battery" });

async function signUp() {
  const browser = new Browser();
  assert.equal((await browser.client.signUp.email(person())).error, null);
  return browser;
}

// elsewhere signs somebody up at another rig and returns the cookies, as sent.
async function elsewhere(url, origin = url) {
  const response = await fetch(`${url}/api/auth/sign-up/email`, { method: "POST", headers: { origin, "content-type": "application/json" }, body: JSON.stringify(person()) });
  assert.equal(response.status, 200, await response.text());
  return request(response.headers.getSetCookie().map((line) => line.split(";")[0]).join("; "));
}

const request = (cookie) => new Request("https://app.example.com/account", cookie ? { headers: { cookie } } : {});
const sent = (browser) => request([...browser.cookies].map((pair) => pair.join("=")).join("; "));

test("next.config.ts leads the browser's requests to the service", async () => {
  assert.deepEqual(await config.default.rewrites(), [{ source: "/api/:path*", destination: `${rig}/api/:path*` }]);
});

test("proxy.ts finds our cookie under each of its names, and trusts it no further", async () => {
  const turnedAway = proxy.proxy(request());
  assert.deepEqual([turnedAway.status, turnedAway.headers.get("location")], [302, "https://app.example.com/login"]);
  assert.equal(proxy.proxy(sent(await signUp())), undefined);
  const secure = await elsewhere(rigs.https, "https://app.example.com");
  assert.match(secure.headers.get("cookie"), /^__Secure-better-auth\.session_token=/);
  assert.equal(proxy.proxy(secure), undefined);
  const forged = request("better-auth.session_token=forged");
  assert.equal(proxy.proxy(forged), undefined);
  assert.equal(await session.fetchSession(forged.headers), null);
});

test("lib/session.ts: the session, nobody, or no answer", async () => {
  const browser = await signUp();
  const found = await session.fetchSession(sent(browser).headers);
  assert.equal(found.user.name, "Ada");
  assert.equal(typeof found.session.expiresAt, "string");
  assert.equal(await session.fetchSession(new Headers()), null);
  const network = globalThis.fetch;
  try {
    globalThis.fetch = async () => new Response("{}", { status: 503 });
    await assert.rejects(session.fetchSession(sent(browser).headers), /503/);
  } finally {
    globalThis.fetch = network;
  }
});

test("a read on the server leaves the renewal to the browser", async () => {
  const [browser, unlucky] = [await signUp(), await signUp()];
  const renewed = (lines) => lines.some((line) => line.startsWith("better-auth.session_token=") && line.includes("Max-Age=604800"));
  await advance("25h"); // more than UpdateAge

  const before = await session.fetchSession(sent(browser).headers);
  await browser.client.getSession();
  assert.ok(renewed(browser.last.setCookie), "the browser's cookie lives longer");
  assert.ok((await session.fetchSession(sent(browser).headers)).session.expiresAt > before.session.expiresAt);

  // Without disableRefresh the cookies go to the server, which cannot pass them on.
  const { headers } = sent(unlucky);
  const lost = await fetch(`${rig}/api/auth/get-session`, { headers: { cookie: headers.get("cookie") } });
  assert.ok(renewed(lost.headers.getSetCookie()));
  await unlucky.client.getSession();
  assert.ok(!renewed(unlucky.last.setCookie), "the browser's cookie ends although the session goes on");
});

test("the page is rendered for whoever is signed in", async () => {
  headers.rendering.headers = new Headers();
  await assert.rejects(page.default(), { to: "/login" });
  headers.rendering.headers = sent(await signUp()).headers;
  assert.match(renderToString(await page.default()), /<h1>Hello, (<!-- -->)?Ada<\/h1>/);
});

test("lib/cached.ts reads the cookie cache, and believes it until it ends", async () => {
  const browser = await signUp();
  const request = sent(browser);
  const copy = await cached.cachedSession(request);
  const { session: { id } } = await session.fetchSession(request.headers);
  assert.deepEqual([copy.user.name, copy.session.id], ["Ada", id]);
  await browser.client.signOut();
  assert.equal(await session.fetchSession(request.headers), null);
  assert.notEqual(await cached.cachedSession(request), null);

  assert.equal(await cached.cachedSession(new Headers()), null);
  const damaged = request.headers.get("cookie").replace(/(session_data=.{20})./, "$1*");
  assert.equal(await cached.cachedSession(new Headers({ cookie: damaged })), null);
});

test("getCookieCache reads Better Auth's strategies, and not SecureCookie", async () => {
  const secret = process.env.SECRET;
  for (const strategy of ["compact", "jwt"]) {
    const request = await elsewhere(rigs[strategy]);
    assert.equal((await getCookieCache(request, { secret, strategy, isSecure: false })).user.name, "Ada", strategy);
    assert.equal(await getCookieCache(request, { secret: "another-".repeat(4), strategy, isSecure: false }), null, strategy);
  }
  const secure = await elsewhere(rigs.https, "https://app.example.com");
  assert.equal((await getCookieCache(secure, { secret, strategy: "jwe", isSecure: true })).user.name, "Ada");
  const ours = await elsewhere(rigs.securecookie);
  assert.match(ours.headers.get("cookie"), /session_data=/);
  for (const strategy of ["compact", "jwt", "jwe"]) {
    assert.equal(await getCookieCache(ours, { secret, strategy, isSecure: false }).catch(() => null), null, strategy);
  }
});
