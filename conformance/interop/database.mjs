// The one database: opened as a Better Auth server opens it, and read past both
// servers, as the rows are stored.

import SQLite from "libsql";
import { createPool } from "mysql2/promise";

// openMySQL: TIMESTAMP columns pass through the connection's time zone as well,
// which is the server's own unless it is set.
export function openMySQL(url, options) {
  const pool = createPool({ uri: url, ...options });
  pool.on("connection", (connection) => connection.query("SET time_zone = '+00:00'"));
  return pool;
}

// openSQLite: what each process of several on one file needs. libsql has the
// interface of better-sqlite3 and comes with its program.
export function openSQLite(file) {
  const database = new SQLite(file);
  for (const pragma of ["busy_timeout = 5000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"]) database.pragma(pragma);
  return database;
}

// asBetterSQLite is the database in the shape by which Better Auth knows
// better-sqlite3. A member db, as libsql's has, would mean something else to it.
export function asBetterSQLite(database) {
  return { aggregate: undefined, prepare: (statement) => database.prepare(statement), close: () => database.close() };
}

// How a time looks in a column; it is UTC and has three decimals.
const stored = { mysql: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}$/, sqlite: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/ };

export class Database {
  #mysql;
  #sqlite;

  // place is a mysql:// URL or the name of a SQLite file.
  constructor(place) {
    if (place.startsWith("mysql:")) this.#mysql = openMySQL(place, { dateStrings: true, connectionLimit: 4 });
    else this.#sqlite = openSQLite(place);
  }

  get kind() {
    return this.#mysql ? "mysql" : "sqlite";
  }

  async query(statement, ...values) {
    if (this.#mysql) return (await this.#mysql.query(statement, values))[0];
    const prepared = this.#sqlite.prepare(statement);
    return prepared.reader ? prepared.all(values) : prepared.run(values);
  }

  insert(table, row) {
    const columns = Object.keys(row);
    return this.query(
      `INSERT INTO \`${table}\` (${columns.map((c) => `\`${c}\``).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
      ...Object.values(row),
    );
  }

  // sessions are the rows of a user as they are stored, oldest first.
  async sessions(userId) {
    const rows = await this.query("SELECT * FROM `session` WHERE `userId` = ? ORDER BY `createdAt`, `id`", userId);
    return rows.map((row) => ({ ...row }));
  }

  // time is a Date as a column holds it.
  time(date) {
    const iso = date.toISOString();
    return this.#mysql ? iso.replace("T", " ").replace("Z", "") : iso;
  }

  // date is the Date in a column, which must have the one form.
  date(text) {
    if (!stored[this.kind].test(text)) throw new Error(`${JSON.stringify(text)} is not how a time is stored`);
    return new Date(this.#mysql ? text.replace(" ", "T") + "Z" : text);
  }

  // lock takes SQLite's one write lock and returns how to give it back.
  lock() {
    this.#sqlite.exec("BEGIN IMMEDIATE");
    return () => this.#sqlite.exec("COMMIT");
  }

  async close() {
    await this.#mysql?.end();
    this.#sqlite?.close();
  }
}
