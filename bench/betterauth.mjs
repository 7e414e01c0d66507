// Better Auth without HTTP, as a program for Node calls it. It answers each number
// on standard input, with a line, once it has read a session as often.
//
//   node betterauth.mjs DATABASE SECRET off|compact

import { createInterface } from "node:readline";
import { betterAuth } from "../conformance/node_modules/better-auth/dist/index.mjs";
import { getMigrations } from "../conformance/node_modules/better-auth/dist/db/get-migration.mjs";
import { openMySQL } from "../conformance/interop/database.mjs";

process.env.NODE_ENV = "production";

const [database, secret, strategy] = process.argv.slice(2);
const options = {
  baseURL: "http://localhost:8080",
  secret,
  database: openMySQL(database, { timezone: "Z" }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  emailAndPassword: { enabled: true },
  session: strategy === "off" ? {} : { cookieCache: { enabled: true, strategy, maxAge: 24 * 60 * 60 } },
};
await (await getMigrations(options)).runMigrations();
const auth = betterAuth(options);

const body = { name: "Ada Lovelace", email: "ada@peers.example", password: "correct horse battery" };
const signedUp = await auth.api.signUpEmail({ body, asResponse: true });
const cookie = signedUp.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
const headers = new Headers({ cookie });

for await (const times of createInterface({ input: process.stdin })) {
  for (let n = Number(times); n > 0; n--) {
    const read = await auth.api.getSession({ headers });
    if (read?.user.email !== body.email) throw new Error("there is no session");
  }
  console.log("done");
}
process.exit();
