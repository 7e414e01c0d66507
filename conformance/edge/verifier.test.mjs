// A verifier elsewhere honours a sign-out within the bound of the list.
//
//   RIG_URL  a rig with the cookie cache jwt, a feed and the list
//   SECRET, REVOKED_SECRET

import assert from "node:assert/strict";
import { test } from "node:test";
import { verifier } from "./verifier.mjs";

const url = `${process.env.RIG_URL}/api/auth`;
const secrets = { url, secret: process.env.SECRET, revokedSecret: process.env.REVOKED_SECRET };
const origin = process.env.RIG_URL;
let people = 0;

// post sends cookies along, and takes new ones.
async function post(path, cookies, body = {}) {
  const cookie = Object.entries(cookies).map(([name, value]) => `better-auth.${name}=${value}`).join("; ");
  const answer = await fetch(url + path, { method: "POST", headers: { origin, cookie, "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.text());
  for (const line of answer.headers.getSetCookie()) {
    const [, name, value] = /^better-auth\.(\w+)=([^;]*)/.exec(line);
    cookies[name] = value;
  }
  return cookies;
}

const newcomer = () => `edge-${process.pid}-${++people}@example.com`;
const signUp = (email) => post("/sign-up/email", {}, { name: "Ada", email, password: "correct horse battery" });
const signIn = (email) => post("/sign-in/email", {}, { email, password: "correct horse battery" });

async function refusedSoon(session, cookies) {
  const end = Date.now() + 5000, began = Date.now();
  while (await session(cookies)) assert.ok(Date.now() < end, "still honoured after five seconds");
  return Date.now() - began;
}

test("a sign-out is honoured where nobody asks the service", async () => {
  const session = verifier(secrets);
  const email = newcomer();
  const ada = await signUp(email), phone = await signIn(email), tablet = await signIn(email);
  for (const cookies of [ada, phone, tablet]) assert.equal((await session(cookies)).user.email, email);

  const kept = { ...ada };
  await post("/sign-out", ada);
  assert.ok(await refusedSoon(session, kept) < 2500);
  assert.equal((await session(phone)).user.email, email);

  await post("/revoke-other-sessions", tablet);
  assert.ok(await refusedSoon(session, phone) < 2500);
  assert.equal((await session(tablet)).user.email, email);
  assert.equal(await verifier(secrets)(kept), null); // one that has just started
});

test("what is not certain is nobody's session", async () => {
  const session = verifier(secrets);
  const ada = await signUp(newcomer()), eve = await signUp(newcomer());
  assert.equal(await session({ ...ada, session_token: eve.session_token }), null);
  assert.equal(await session({ ...ada, session_data: ada.session_data.slice(0, -4) + "AAAA" }), null);
  assert.equal(await session({}), null);
  for (const wrong of [{ revokedSecret: "another" }, { url: "http://127.0.0.1:9" }, { secret: "another" }]) {
    assert.equal(await verifier({ ...secrets, ...wrong })(ada), null);
  }
});
