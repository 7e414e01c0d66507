// A device is one browser on one page that calls both servers: they stand on
// one host, and cookies do not know ports. It keeps what was said.

import { createAuthClient } from "better-auth/client";
import { multiSessionClient } from "better-auth/client/plugins";
import { secretWord } from "./users.mjs";

export const userAgent = "Mozilla/5.0 (X11; Linux x86_64) Interop/1.0";

export class Device {
  cookies = new Map(); // name to value as sent, in the order in which they were first set
  #page;
  #said; // called with each exchange

  constructor(page, said) {
    this.#page = page;
    this.#said = said;
  }

  // at is the official client of a side.
  at(side) {
    return createAuthClient({
      baseURL: side.url,
      fetchOptions: { customFetchImpl: (input, init) => this.fetch(side, input, init) },
      plugins: [multiSessionClient()],
    });
  }

  // signIn fails loudly: whatever follows needs it.
  async signIn(side, { email }, options = {}) {
    const { data, error } = await this.at(side).signIn.email({ email, password: secretWord, ...options });
    if (error) throw new Error(`${side.name} refuses the sign-in: ${JSON.stringify(error)}`);
    return data;
  }

  // read is get-session at a side, past the cookie cache unless told otherwise.
  async read(side, query = { disableCookieCache: true }) {
    const { data, error } = await this.at(side).getSession({ query });
    if (error) throw new Error(`${side.name} cannot tell the session: ${JSON.stringify(error)}`);
    return data;
  }

  // cached is get-session with the cookie cache in play.
  cached(side) {
    return this.read(side, {});
  }

  async post(side, path, body = {}) {
    const response = await this.fetch(side, side.url + "/api/auth" + path, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.text() };
  }

  // copy is another device with the same cookies: what a thief has, or a tab
  // that was asleep.
  copy() {
    const other = new Device(this.#page, this.#said);
    other.cookies = new Map(this.cookies);
    return other;
  }

  // names are those of the cookies that hold a part of the cookie cache.
  cacheCookies() {
    return [...this.cookies.keys()].filter((name) => name.includes(".session_data"));
  }

  forgetCache() {
    for (const name of this.cacheCookies()) this.cookies.delete(name);
  }

  async fetch(side, input, init = {}) {
    const method = (init.method ?? "GET").toUpperCase();
    const headers = new Headers(init.headers);
    headers.set("user-agent", userAgent);
    if (this.cookies.size > 0) headers.set("cookie", [...this.cookies].map((pair) => pair.join("=")).join("; "));
    if (method !== "GET") headers.set("origin", this.#page);
    const path = String(input).slice(side.url.length);
    let response, body;
    try {
      response = await fetch(input, { method, headers, body: init.body, redirect: "manual", signal: AbortSignal.timeout(20_000) });
      body = await response.text();
    } catch (error) {
      throw new Error(`${side.name} does not answer ${method} ${path}: ${error.message}`, { cause: error });
    }
    const setCookie = response.headers.getSetCookie();
    for (const line of setCookie) this.#keep(line);
    await this.#said?.({
      side, method, path, sent: init.body ?? null,
      status: response.status, headers: response.headers, setCookie, body,
    });
    return new Response(body || null, { status: response.status, headers: response.headers });
  }

  #keep(line) {
    const [pair, ...attributes] = line.split("; ");
    const name = pair.slice(0, pair.indexOf("="));
    if (attributes.includes("Max-Age=0")) this.cookies.delete(name);
    else this.cookies.set(name, pair.slice(name.length + 1));
  }
}
