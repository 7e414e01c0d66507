// verifier checks sessions where the service is not: at the edge, in another
// process. It takes the cookie cache of the strategy jwt, whose signature it
// verifies, and asks the service only now and then which sessions have ended.
//
//   url            of the service's routes, such as https://app.example.com/api/auth
//   secret         Config.Secret, which signs the cookie
//   revokedSecret  Config.RevokedSecret, which opens the list
//   maxLag         for how many milliseconds the list may be out of date
import { jwtVerify } from "jose";

const skew = 60_000; // between the clocks of those who write sessions and lists

export function verifier({ url, secret, revokedSecret, maxLag = 2000 }) {
  const key = new TextEncoder().encode(secret);
  const tokens = new Set(), users = new Map();
  let since = "", heard = -Infinity, all = false, asking;

  async function ask() {
    const began = performance.now();
    const query = since && `?since=${encodeURIComponent(since)}`;
    const answer = await fetch(`${url}/revoked${query}`, { headers: { authorization: `Bearer ${revokedSecret}` } });
    if (!answer.ok) throw new Error(`the list is not to be had: ${answer.status}`);
    const list = await answer.json();
    all = list.all;
    for (const { sha256 } of list.tokens) tokens.add(sha256);
    for (const { userId, except, at } of list.users) users.set(`${userId} ${except}`, { userId, except, at: Date.parse(at) });
    since = list.asOf;
    heard = began;
  }

  async function ended({ token, id, userId, createdAt }) {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
    if (tokens.has(Buffer.from(hash).toString("base64url"))) return true;
    return [...users.values()].some((u) => u.userId === userId && u.except !== id && Date.parse(createdAt) <= u.at + skew);
  }

  // session answers with {session, user}, or with null: then ask the service.
  return async function session({ session_token, session_data }) {
    if (performance.now() - heard > maxLag / 2) await (asking ??= ask().catch(() => {}).finally(() => { asking = undefined; }));
    if (all || performance.now() - heard > maxLag) return null;
    try {
      const { payload } = await jwtVerify(session_data, key, { algorithms: ["HS256"] });
      const { session, user } = payload;
      if (session.token !== decodeURIComponent(session_token).split(".")[0]) return null;
      if (Date.parse(session.expiresAt) < Date.now() || (await ended(session))) return null;
      return { session, user };
    } catch {
      return null;
    }
  };
}
