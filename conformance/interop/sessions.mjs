// Where a pairing keeps its sessions: in the database, or by a secondary storage
// in Redis and perhaps beside it. Read and changed past both servers.

import { Redis } from "ioredis";

// prefix is that of @better-auth/redis-storage.
const prefix = "better-auth:";
const times = ["createdAt", "updatedAt", "expiresAt"];

// swap puts one value in the place of another, if nobody else changed it.
const swap = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
if tonumber(ARGV[3]) > 0 then redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3]) else redis.call("DEL", KEYS[1]) end
return 1`;

export class Sessions {
  #database;
  #redis;
  #mode;

  // address is Redis's, and mode how it is used: only, database (which is
  // storeSessionInDatabase) or preserve (preserveSessionInDatabase too); undefined
  // where there is none.
  constructor(database, address, mode) {
    this.#database = database;
    this.#mode = mode;
    if (mode) this.#redis = new Redis("redis://" + address);
  }

  // secondary tells whether Redis is asked first.
  get secondary() {
    return this.#redis !== undefined;
  }

  // asStored tells whether JSON of a session has its members as the database has
  // them. Where Redis alone counts, each side has an order of its own, and Better
  // Auth leaves out what is null.
  get asStored() {
    return !this.secondary || this.#mode === "database";
  }

  // of are the sessions of a user that are there, oldest first.
  async of(userId) {
    if (this.asStored) return (await this.#database.sessions(userId)).map((row) => this.#dated(row, (text) => this.#database.date(text)));
    return (await this.#entries(userId)).map(({ session }) => this.#dated(session, (text) => new Date(text)));
  }

  // traces is all that is kept of a user's sessions, each as a line. Of the list in
  // Redis it is what names a session that is there: Better Auth takes several out of
  // it at once, and some then stay.
  async traces(userId) {
    const lines = (await this.#database.sessions(userId)).map((row) => JSON.stringify(row));
    if (!this.secondary) return lines;
    const keys = [...(await this.#entries(userId)).map(({ key }) => key), `active-sessions-${userId}`, `revoked-sessions-before-${userId}`];
    for (const key of keys) {
      const [held, life] = [await this.#redis.get(prefix + key), await this.#redis.pttl(prefix + key)];
      const value = key.startsWith("active-") ? await this.#living(held) : held;
      if (value !== null) lines.push(`${key} for ${life < 0 ? "ever" : Math.round(life / 60_000) + " min"}: ${value}`);
    }
    return lines;
  }

  // dead are the tokens in a user's list whose session is over.
  async dead(userId) {
    if (!this.secondary) return [];
    const list = JSON.parse((await this.#redis.get(`${prefix}active-sessions-${userId}`)) ?? "[]");
    const tokens = [];
    for (const { token } of list) if (!(await this.#redis.exists(prefix + token))) tokens.push(token);
    return tokens;
  }

  // living is a list without what is dead in it, or null if nothing is left.
  async #living(held) {
    const list = JSON.parse(held ?? "[]");
    if (held !== null && JSON.stringify(list) !== held) return held; // not as JavaScript writes it
    const living = [];
    for (const line of list) if (await this.#redis.exists(prefix + line.token)) living.push(line);
    return living.length > 0 ? JSON.stringify(living) : null;
  }

  // alive tells whether there is a session with this token.
  async alive({ session: { token } }) {
    const rows = await this.#database.query("SELECT `id` FROM `session` WHERE `token` = ?", token);
    if (!this.secondary) return rows.length === 1;
    const kept = (await this.#redis.exists(prefix + token)) === 1;
    if (this.#mode === "database" && kept !== (rows.length === 1)) throw new Error("Redis and the database differ about a session");
    return kept;
  }

  // age makes a session look as if it had begun, and last been renewed, earlier.
  async age(token, by) {
    const [row] = await this.#database.query("SELECT * FROM `session` WHERE `token` = ?", token);
    if (row) {
      const earlier = (text) => this.#database.time(new Date(this.#database.date(text) - by));
      await this.#database.query(
        "UPDATE `session` SET `createdAt` = ?, `updatedAt` = ?, `expiresAt` = ? WHERE `token` = ?",
        ...times.map((name) => earlier(row[name])), token,
      );
    }
    if (!this.secondary) return;
    const entry = await this.#rewrite(token, ({ session }) => {
      for (const name of times) session[name] = new Date(new Date(session[name]) - by).toISOString();
      return Date.parse(session.expiresAt);
    });
    await this.#rewrite(`active-sessions-${entry.session.userId}`, (list) => {
      for (const line of list) if (line.token === token) line.expiresAt = Date.parse(entry.session.expiresAt);
      return Math.max(...list.map(({ expiresAt }) => expiresAt));
    });
  }

  // end ends a session as somebody else would.
  async end(token) {
    if (this.secondary) await this.#redis.del(prefix + token);
    if (this.#mode !== "preserve") return this.#database.query("DELETE FROM `session` WHERE `token` = ?", token);
    const now = this.#database.time(new Date());
    return this.#database.query("UPDATE `session` SET `expiresAt` = ? WHERE `token` = ?", now, token);
  }

  // blank makes NULL what may be.
  async blank(userId) {
    await this.#database.query("UPDATE `session` SET `ipAddress` = NULL, `userAgent` = NULL WHERE `userId` = ?", userId);
    await this.#each(userId, ({ session }) => Object.assign(session, { ipAddress: null, userAgent: null }));
  }

  // change changes a user, and Redis's copies as Better Auth does when it does so.
  async change({ id }, column, value) {
    await this.#database.query(`UPDATE \`user\` SET \`${column}\` = ? WHERE \`id\` = ?`, value, id);
    await this.#each(id, ({ user }) => Object.assign(user, { [column]: value }));
  }

  async close() {
    this.#redis?.disconnect();
  }

  #dated(session, date) {
    return { ...session, ...Object.fromEntries(times.map((name) => [name, date(session[name])])) };
  }

  async #each(userId, change) {
    if (!this.secondary) return;
    for (const { key } of await this.#entries(userId)) {
      await this.#rewrite(key, (entry) => {
        change(entry);
        return Date.parse(entry.session.expiresAt);
      });
    }
  }

  // entries are a user's sessions in Redis, whether the list names them or not.
  async #entries(userId) {
    const keys = (await this.#redis.keys(`${prefix}*`)).filter((key) => !key.includes("{") && !/^[^:]+:(active|revoked)-sessions-/.test(key));
    const values = keys.length > 0 ? await this.#redis.mget(keys) : [];
    const found = values.map((value, i) => ({ key: keys[i].slice(prefix.length), ...JSON.parse(value) })).filter(({ session }) => session?.userId === userId);
    const order = ({ session: { createdAt, id } }) => createdAt + id;
    return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
  }

  // rewrite changes a value. change returns when the key ends.
  async #rewrite(key, change) {
    for (;;) {
      const held = await this.#redis.get(prefix + key);
      if (held === null) throw new Error(`Redis has no ${key}`);
      const value = JSON.parse(held);
      const life = change(value) - Date.now();
      if (await this.#redis.eval(swap, 1, prefix + key, held, JSON.stringify(value), Math.max(0, Math.floor(life)))) return value;
    }
  }
}
