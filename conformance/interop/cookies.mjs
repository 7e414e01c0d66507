// What stands in the cookies, read with node:crypto alone: neither side's code
// may vouch for its own.

import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from "node:crypto";

// signed is a value as a cookie holds it.
export function signed(value, secret) {
  return encodeURIComponent(`${value}.${createHmac("sha256", secret).update(value).digest("base64")}`);
}

// unsigned returns the value of a signed cookie, or undefined if the signature
// does not hold.
export function unsigned(cookie, secret) {
  const text = decodeURIComponent(cookie);
  const value = text.slice(0, text.lastIndexOf("."));
  return signed(value, secret) === encodeURIComponent(text) ? value : undefined;
}

// opened returns what a session_data cookie holds: {envelope, payload}, where
// envelope is a text to compare and payload is the JSON.
export function opened(cookie, strategy, secret) {
  return strategies[strategy].open(decodeURIComponent(cookie), secret);
}

// resealed returns the cookie with another payload.
export function resealed(cookie, strategy, secret, change) {
  const { open, seal } = strategies[strategy];
  const { payload, rest } = open(decodeURIComponent(cookie), secret);
  return seal(change(payload), rest, secret);
}

const strategies = {
  compact: {
    open(cookie, secret) {
      const text = fromBase64url(cookie).toString();
      const [, payload, expiresAt, signature] = /^\{"session":(\{.*\}),"expiresAt":(\d+),"signature":"([\w-]+)"\}$/s.exec(text) ?? fail(text);
      if (compactMAC(payload, expiresAt, secret) !== signature) throw new Error("the signature does not hold");
      return { envelope: `compact until ${expiresAt}`, payload, rest: expiresAt };
    },
    seal: (payload, expiresAt, secret) =>
      Buffer.from(`{"session":${payload},"expiresAt":${expiresAt},"signature":"${compactMAC(payload, expiresAt, secret)}"}`).toString("base64url"),
  },

  jwt: {
    open(cookie, secret) {
      const [header, payload, signature] = parts(cookie, 3);
      if (jwtMAC(header, payload, secret) !== signature) throw new Error("the signature does not hold");
      return { envelope: `jwt ${fromBase64url(header)}`, payload: fromBase64url(payload).toString(), rest: header };
    },
    seal(text, header, secret) {
      const payload = Buffer.from(text).toString("base64url");
      return `${header}.${payload}.${jwtMAC(header, payload, secret)}`;
    },
  },

  // RFC 7516 with "dir" and A256CBC-HS512 (RFC 7518, 5.2.5).
  jwe: {
    open(cookie, secret) {
      const [header, , iv, ciphertext, tag] = parts(cookie, 5);
      const key = jweKey(secret);
      const { alg, enc, kid, ...others } = JSON.parse(fromBase64url(header));
      const thumbprint = createHash("sha256").update(JSON.stringify({ k: key.toString("base64url"), kty: "oct" })).digest("base64url");
      if (alg !== "dir" || enc !== "A256CBC-HS512" || kid !== thumbprint || Object.keys(others).length > 0) fail(fromBase64url(header).toString());
      if (jweTag(key, header, fromBase64url(iv), fromBase64url(ciphertext)) !== tag) throw new Error("the authentication tag does not hold");
      const cipher = createDecipheriv("aes-256-cbc", key.subarray(32), fromBase64url(iv));
      const payload = cipher.update(fromBase64url(ciphertext), undefined, "utf8") + cipher.final("utf8");
      return { envelope: `jwe ${fromBase64url(header)}`, payload, rest: header };
    },
    seal(payload, header, secret) {
      const [key, iv] = [jweKey(secret), randomBytes(16)];
      const cipher = createCipheriv("aes-256-cbc", key.subarray(32), iv);
      const ciphertext = Buffer.concat([cipher.update(payload, "utf8"), cipher.final()]);
      return [header, "", iv.toString("base64url"), ciphertext.toString("base64url"), jweTag(key, header, iv, ciphertext)].join(".");
    },
  },
};

const compactMAC = (payload, expiresAt, secret) =>
  createHmac("sha256", secret).update(`${payload.slice(0, -1)},"expiresAt":${expiresAt}}`).digest("base64url");

const jwtMAC = (header, payload, secret) => createHmac("sha256", secret).update(`${header}.${payload}`).digest("base64url");

const jweKey = (secret) => Buffer.from(hkdfSync("sha256", secret, "better-auth-session", "BetterAuth.js Generated Encryption Key", 64));

function jweTag(key, header, iv, ciphertext) {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(header.length * 8));
  const mac = createHmac("sha512", key.subarray(0, 32)).update(header).update(iv).update(ciphertext).update(length).digest();
  return mac.subarray(0, 32).toString("base64url");
}

function parts(text, count) {
  const found = text.split(".");
  return found.length === count ? found : fail(text);
}

function fromBase64url(text) {
  const bytes = Buffer.from(text, "base64url");
  return bytes.toString("base64url") === text ? bytes : fail(text);
}

function fail(text) {
  throw new Error(`not a cookie cache of this kind: ${text.slice(0, 200)}`);
}
