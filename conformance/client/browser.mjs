// A browser as far as sessions go: a cookie jar, the Origin header that
// browsers add, and a record of every exchange. What it also does is watch: no
// answer's body may show a raw session token to JavaScript, unless the rig is
// told to (RIG_TOKENS=1).

import assert from "node:assert/strict";
import { JSDOM } from "jsdom";

export const exposed = process.env.RIG_TOKENS === "1";
export const rig = new URL(process.env.RIG_URL ?? "http://127.0.0.1:3000").origin;

// The client fetches the session on mount only where a window exists.
export const dom = new JSDOM('<!doctype html><div id="root"></div>', { url: rig + "/" });
for (const name of ["document", "localStorage", "navigator", "HTMLElement", "Node", "Element", "SVGElement", "Event", "MutationObserver"]) {
  Object.defineProperty(globalThis, name, { value: dom.window[name], configurable: true, writable: true });
}
Object.defineProperty(globalThis, "window", { value: dom.window, configurable: true, writable: true });

const { createAuthClient } = await import("better-auth/client");
const { multiSessionClient } = await import("better-auth/client/plugins");
const { createAuthClient: createReactClient } = await import("better-auth/react");

const network = globalThis.fetch; // a test may put a page's own in its place
const cookiePattern = /^([^=]+)=([^;]*)/;

export class Browser {
  cookies = new Map(); // name to value, as sent
  exchanges = []; // {method, path, status, headers, setCookie, body}

  constructor() {
    const options = { baseURL: rig, plugins: [multiSessionClient()], fetchOptions: { customFetchImpl: (input, init) => this.fetch(input, init) } };
    this.client = createAuthClient(options);
    this.reactClient = () => createReactClient(options);
  }

  get last() {
    return this.exchanges.at(-1);
  }

  cookie(name) {
    return this.cookies.get("better-auth." + name);
  }

  // token is the secret in the session cookie, or undefined.
  get token() {
    const cookie = this.cookie("session_token");
    return cookie && decodeURIComponent(cookie).split(".")[0];
  }

  // fetch sends what a browser would send from a page of the rig's origin. An
  // empty Origin header is left out.
  async fetch(input, init = {}) {
    const method = (init.method ?? "GET").toUpperCase();
    const headers = new Headers(init.headers);
    if (this.cookies.size > 0) headers.set("cookie", [...this.cookies].map((pair) => pair.join("=")).join("; "));
    if (method !== "GET" && method !== "HEAD" && !headers.has("origin")) headers.set("origin", rig);
    if (headers.get("origin") === "") headers.delete("origin");
    const response = await network(input, { method, headers, body: init.body, redirect: "manual" });
    const body = await response.text();
    const before = this.token;
    const setCookie = response.headers.getSetCookie();
    for (const line of setCookie) this.#keep(line);
    for (const token of [before, this.token]) {
      if (token && !exposed) assert.ok(!body.includes(token), `${method} ${input} shows a raw token`);
    }
    this.exchanges.push({
      method, path: new URL(input).pathname, status: response.status, headers: response.headers, setCookie,
      sent: init.body ?? null, contentType: headers.get("content-type"),
    });
    return new Response(body, response);
  }

  // send posts or gets a path of the rig, past the client.
  async send(method, path, { body, ...headers } = {}) {
    const response = await this.fetch(rig + path, { method, headers, body });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  #keep(line) {
    const [, name, value] = cookiePattern.exec(line);
    if (/; max-age=0(;|$)/i.test(line)) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// until waits for a condition, not for a time.
export async function until(condition, what) {
  const end = Date.now() + 30_000;
  while (!condition()) {
    assert.ok(Date.now() < end, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// advance moves the rig's clock.
export async function advance(by) {
  const response = await fetch(rig + "/__clock", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ advance: by }),
  });
  assert.equal(response.status, 200);
}
