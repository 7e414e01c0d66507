// A verifier elsewhere honours a sign-out within the bound of the list.
//
//   RIG_URL  a rig with the cookie cache jwt, a feed and the list
//   SECRET, REVOKED_SECRET

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { verifier } from "./verifier.mjs";

const { RIG_URL: origin, SECRET, REVOKED_SECRET } = process.env;
const url = `${origin}/api/auth`;
const maxLag = 2000;
const secrets = { url, secret: SECRET, revokedSecret: REVOKED_SECRET, maxLag };
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

// refusedSoon waits until the session is refused, which has ended by now. What counts
// is when the verifier is asked: how long it takes is the machine's business.
async function refusedSoon(session, cookies) {
  const ended = Date.now();
  for (;;) {
    const asked = Date.now();
    if (!(await session(cookies))) return;
    assert.ok(asked - ended < maxLag, `honoured ${asked - ended} ms after its end`);
    await sleep(10);
  }
}

// owner is the address of the session's user. A verifier is asked again if the list
// took so long that it believed nobody.
async function owner(session, cookies) {
  for (let tries = 1; ; tries++) {
    const found = await session(cookies);
    if (found || tries === 20) return found?.user.email;
    await sleep(50);
  }
}

test("a sign-out is honoured where nobody asks the service", async () => {
  const session = verifier(secrets);
  const email = newcomer();
  const ada = await signUp(email), phone = await signIn(email), tablet = await signIn(email);
  for (const cookies of [ada, phone, tablet]) assert.equal(await owner(session, cookies), email);

  const kept = { ...ada };
  await post("/sign-out", ada);
  await refusedSoon(session, kept);
  assert.equal(await owner(session, phone), email);

  await post("/revoke-other-sessions", tablet);
  await refusedSoon(session, phone);
  assert.equal(await owner(session, tablet), email);
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
