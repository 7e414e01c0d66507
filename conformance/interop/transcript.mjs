// A transcript is what was said in one run of a scenario, in a form that two
// runs share: random values have names, times are told from the run's begin,
// cookies are opened. What is left is compared to the byte.
//
// Where Redis alone counts, sessions and users in JSON are compared without the
// order of their members and what is null in them.
//
// A loose one keeps what matters to a client and leaves out how it is said: the
// order of keys in JSON, headers about caching, cookie lines that a later one
// for the same cookie makes void, a second of a cookie's life, and where long
// copies are cut.

import { opened, unsigned } from "./cookies.mjs";

const headers = ["content-type", "location", "access-control-expose-headers"];
const caching = ["cache-control", "pragma"];

export class Transcript {
  steps = []; // {side, request, answer: {status, headers, setCookie, body}, rows}
  #sessions;
  #options; // {secret, cache, loose}
  #begin = Date.now();
  #names = new Map();
  #users = [];

  constructor(sessions, options) {
    this.#sessions = sessions;
    this.#options = options;
  }

  // meet makes a user known; what is kept of its sessions is noted at each step.
  meet(user) {
    this.#users.push(user);
    this.#names.set(user.email, `<email ${this.#users.length}>`);
  }

  async note({ side, method, path, sent, status, headers: received, setCookie, body }) {
    const set = received.get("set-auth-token");
    this.steps.push({
      side,
      request: this.#plain(`${method} ${path}${sent === null ? "" : " " + sent}`),
      answer: {
        status,
        headers: {
          ...Object.fromEntries([...headers, ...(this.#options.loose ? [] : caching)].filter((name) => received.has(name)).map((name) => [name, received.get(name)])),
          ...(set !== null && { "set-auth-token": this.#signed(set) }),
        },
        setCookie: this.#cookies(setCookie),
        // Signing in and up are the application's: what it says counts, not how.
        body: this.#body(/^\/api\/auth\/sign-(in|up)\//.test(path) ? JSON.stringify(JSON.parse(body)) : body),
      },
      rows: await this.#rows(),
    });
  }

  async #rows() {
    const rows = [];
    for (const { id } of this.#users) rows.push(...await this.#sessions.traces(id));
    return rows.map((row) => this.#plain(row)).sort();
  }

  // The order of a list is nobody's promise; everything else's is kept.
  #body(text) {
    if (!text.startsWith("[")) return this.#plain(this.#json(text));
    const list = JSON.parse(text);
    if (JSON.stringify(list) !== text) return text; // not as JavaScript writes it
    return list.map((element) => this.#plain(this.#json(JSON.stringify(element)))).sort().join("\n");
  }

  #json(text) {
    if (!text.startsWith("{")) return text;
    const value = JSON.parse(text);
    if (!this.#sessions.asStored && (value.session || value.token) && JSON.stringify(value) === text) return JSON.stringify(sorted(withoutNulls(value)));
    return this.#options.loose ? JSON.stringify(sorted(value)) : text;
  }

  #cookies(lines) {
    if (this.#options.loose) {
      lines = lines.filter((line, i) => !lines.slice(i + 1).some((later) => nameOf(later) === nameOf(line)));
    }
    const chunks = new Map();
    const plain = lines.map((line) => {
      const [, name, value, attributes] = /^([^=]+)=([^;]*)(.*)$/.exec(line);
      if (value === "") return this.#plain(line);
      const chunk = /^(.*\.session_data)(?:\.(\d+))?$/.exec(name);
      if (!chunk) return `${this.#plain(name)}=${this.#signed(decodeURIComponent(value))}${attributes}`;
      const [, whole, number] = chunk;
      if (number === undefined) return `${name}=${this.#data(value)}${attributes}`;
      chunks.set(whole, [...(chunks.get(whole) ?? []), value]);
      return `${name}=<chunk>${attributes}`;
    });
    // In which order Better Auth ends a device's sessions is left to chance.
    const ended = plain.flatMap((line, i) => (/_multi-.*=; Max-Age=0/.test(line) ? [i] : []));
    const inOrder = ended.map((i) => plain[i]).sort();
    for (const [n, i] of ended.entries()) plain[i] = inOrder[n];
    // The last chunk is what is left, which depends on the address (B15).
    for (const [name, values] of chunks) {
      const lengths = this.#options.loose ? "" : `<${values.slice(0, -1).map((value) => value.length)}> `;
      plain.push(`${name}.*=${lengths}${this.#data(values.join(""))}`);
    }
    if (!this.#options.loose) return plain;
    return [...new Set(plain.map((line) => line.replace(/(\.session_data)\.\d+=/, "$1.N=").replace("Max-Age=604799", "Max-Age=604800")))].sort();
  }

  #signed(value) {
    const inner = unsigned(encodeURIComponent(value), this.#options.secret);
    return inner === undefined ? `<not signed: ${value}>` : `<signed ${this.#plain(inner)}>`;
  }

  #data(value) {
    const { envelope, payload } = opened(value, this.#options.cache, this.#options.secret);
    return `<${this.#plain(`${envelope}: ${this.#json(payload)}`)}>`;
  }

  #plain(text) {
    return text
      .replace(/user-\d{4,}@example\.com/g, (email) => this.#names.get(email) ?? email)
      .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}Z?(?!\d)/g, (time) => this.#time(this.#asDate(time)))
      .replace(/(?<!-)\b[12]\d{12}\b/g, (milliseconds) => this.#time(Number(milliseconds)))
      .replace(/(?<!-)\b[12]\d{9}\b/g, (seconds) => this.#time(Number(seconds) * 1000))
      .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, "<uuid>")
      .replace(/(?<![A-Za-z0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9])/g, (id) => this.#name(id))
      // B15: without a trusted proxy Go stores the peer's address, Node none. A
      // test of its own holds both to it.
      .replace(/"ipAddress":"(127\.0\.0\.1)?"/g, '"ipAddress":<address>');
  }

  #asDate(text) {
    return text.endsWith("Z") ? Date.parse(text) : Date.parse(text.replace(" ", "T") + "Z");
  }

  // Times are rounded to a minute: the machine may be slow.
  #time(milliseconds) {
    const minutes = Math.round((milliseconds - this.#begin) / 60_000);
    return `<now${minutes < 0 ? "-" : "+"}${Math.abs(minutes)}min>`;
  }

  #name(id) {
    if (!this.#names.has(id)) {
      const name = `<id ${this.#names.size + 1}>`;
      this.#names.set(id, name);
      if (id !== id.toLowerCase()) this.#names.set(id.toLowerCase(), `<lower-cased ${name}>`);
    }
    return this.#names.get(id);
  }
}

const nameOf = (line) => line.slice(0, line.indexOf("="));

// sorted is a value with its keys in alphabetical order.
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}

// withoutNulls is a value without what is null in it.
export function withoutNulls(value) {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null).map(([key, member]) => [key, withoutNulls(member)]));
}
