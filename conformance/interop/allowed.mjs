// Every difference between the two sides that is meant, each with its reason.
// Whatever else differs fails.
//
// when tells from the scene (scenario, w, r, step, side, version, cached, database, and
// alone: the steps of Better Auth alone) and from what Better Auth alone said
// whether an entry is about this step; change turns that into what is wanted.
// Entries without them are expected by tests of their own.
//
// Entries with versions (minor ones) say what older versions of Better Auth do
// otherwise than 1.7, and so than Go: in their scenarios each side is still held
// to what the scenario itself demands, but not to the other's words. Tests of the
// suite client under client fail with those versions' clients, which outcome.mjs
// takes into account.
export const allowed = [
  {
    id: "B3",
    reason: "Go no longer believes the copy of a session that it ended itself; Better Auth does until the copy ends",
    when: ({ scenario, side, r, step, cached }) => cached && scenario === "what a copy still shows after a revocation elsewhere" && side === "Go" && r === "Go" && step === 7,
    change: ended,
  },
  {
    id: "feed",
    reason: "Go hears of what Better Auth deletes, and then no longer believes a copy of it",
    when: ({ scenario, side, w, r, step, cached }) => cached && process.env.FEED === "true" && scenario === "what a copy still shows after a revocation elsewhere" && side === "Go" && w === "Go" && r !== "Go" && step === 6,
    change: ended,
  },
  {
    id: "B10",
    reason: "above the limit of accounts on one device Go parts with the oldest; Better Auth does not list the newest",
  },
  {
    id: "B12",
    reason: "signing in at Go ends the session that the browser had; Better Auth leaves it alive",
    when: ({ scenario, r, step, alone }, { rows }) => scenario === "signing in again in the same browser" && r === "Go" && step >= 3 && rows.join().includes(tokenOf(alone[0])),
    change: (want, { alone }) => (want.rows = without(want.rows, tokenOf(alone[0]))),
  },
  {
    id: "B15",
    reason: "without a trusted proxy Go stores the peer's address; Better Auth stores none",
  },
  {
    id: "B17",
    reason: "every answer of a Go route that is not 404 has cache-control: no-store, not get-session's alone",
    when: ({ side, version }, want) => side === "Go" && version.startsWith("1.7.") && want.status !== 404 && want.headers["cache-control"] === undefined,
    change: (want) => (want.headers["cache-control"] = "no-store"),
  },
  {
    id: "B18",
    reason: "a cookie that an old secret signed is good at Go, which signs it anew; Better Auth knows the first of its secrets only",
  },
  {
    id: "SR-89",
    reason: "what ends or takes over a device's sessions at Go expires the device cookies of ended ones; Better Auth leaves them in the browser",
    when: ({ scenario, side, step }) => side === "Go" && process.env.MULTI_SESSION === "true" && [
      ["revoking one session", 12], ["revoking all", 3], ["signing in with the device cookie of a session that is over", 4],
    ].some(([title, at]) => scenario === title && step === at),
    change: (want, { alone, loose }) => {
      const name = `${process.env.PREFIX}.session_token_multi-<lower-cased ${tokenOf(alone[0])}>`;
      const device = want.setCookie.findIndex((line) => line.includes("_multi-"));
      want.setCookie.splice(device < 0 ? want.setCookie.length : device, 0, `${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax`);
      if (loose) want.setCookie.sort();
    },
  },
  {
    id: "device-cookie-life",
    reason: "with rememberMe: false a device cookie of Go's ends with the browser, as the session does; Better Auth's stays for a week",
    when: ({ side }, { setCookie }) => side === "Go" && setCookie.some((line) => /dont_remember=</.test(line)) && setCookie.some((line) => /_multi-.*=</.test(line)),
    change: (want) => (want.setCookie = want.setCookie.map((line) => (line.includes("_multi-") ? line.replace(/>; Max-Age=\d+/, ">") : line))),
  },
  {
    id: "one-line-per-cookie",
    reason: "of two lines for one cookie in one answer Go sends the last alone, which is what counts",
    when: ({ scenario, side, step }) => scenario === "update-session of a session that is due" && side === "Go" && step === 3,
    change: (want) => (want.setCookie = want.setCookie.filter((line, i, all) => !all.slice(i + 1).some((later) => nameOf(later) === nameOf(line)))),
  },
  {
    id: "wrong-type",
    reason: "update-session at Go answers 400 to a value of another type; Better Auth lets the database decide: an empty 500 on MySQL, and SQLite stores it",
    when: ({ scenario, r, step }) => scenario === "update-session refuses another type" && r === "Go" && step >= 2,
    change: (want, { step, alone, loose }) => {
      want.rows = alone[0].rows;
      if (step === 4) { // what Better Auth then reads
        const untouched = (text) => text.replace('"count":"many"', '"count":7').replace('"pinned":"yes"', '"pinned":false');
        [want.body, want.setCookie] = [untouched(want.body), want.setCookie.map(untouched)];
        return;
      }
      const [field, kind] = step === 2 ? ["count", "int"] : ["pinned", "boolean"];
      want.status = 400;
      for (const name of ["set-auth-token", "access-control-expose-headers"]) delete want.headers[name];
      want.headers["content-type"] = "application/json";
      want.setCookie = [];
      want.body = refusal(`[body.${field}] Invalid input: expected ${kind}, received string`, "VALIDATION_ERROR", loose);
    },
  },
  {
    id: "wrong-type-stored",
    reason: "a value of another type that Better Auth left in a SQLite file is 503 at Go, which does not guess; nothing is signed out",
    when: ({ scenario, side, w, step, database }) => scenario === "update-session refuses another type" && side === "Go" && w === "Go" && step === 4 && database === "sqlite",
    change: (want, { loose }) => {
      want.status = 503;
      want.body = refusal("Failed to get session", "FAILED_TO_GET_SESSION", loose);
      want.setCookie = [];
    },
  },

  {
    id: "redis: times in names",
    reason: "a name in Redis that looks like a time is text at Go; Better Auth takes it for a time and writes it as one",
    when: ({ scenario, side }) => process.env.SECONDARY && side === "Go" && scenario === "a name that looks like a time",
    change: (want) => {
      const asText = (text) => text.replace(/"name":"<now-\d+min>"/, '"name":"2026-01-01T00:00:00Z"');
      [want.body, want.setCookie] = [asText(want.body), want.setCookie.map(asText)];
    },
  },
  {
    id: "redis: wrong-type-stored",
    reason: "a value of another type that Better Auth left in Redis is null at Go, and signs nobody out",
    when: ({ scenario, side, w, step }, { body }) => process.env.SECONDARY && scenario === "update-session refuses another type" && side === "Go" && w === "Go" && step === 4 && body.includes("many"),
    change: (want) => (want.body = process.env.SECONDARY === "database"
      ? want.body.replace('"count":"many"', '"count":null').replace('"pinned":"yes"', '"pinned":null')
      : want.body.replace('"count":"many",', "").replace('"pinned":"yes",', "")),
  },

  {
    id: "1.6: foreign copies",
    versions: ["1.5", "1.6"],
    reason: "Better Auth does not see whether the copy is of the session that the token names",
    scenarios: ["a copy of another session is replaced"],
  },
  {
    id: "1.6: times in names",
    versions: ["1.5", "1.6"],
    reason: "whether a name that looks like a time is read as one depends on the strategy; as text it is good, as a time no copy",
    scenarios: ["a name that looks like a time"],
  },
  {
    id: "1.6: marker",
    versions: ["1.5", "1.6"],
    reason: "a sign-in that is to be remembered leaves the marker of an earlier one that was not in the browser",
    scenarios: ["signing in again, to be remembered"],
  },
  {
    id: "1.6: own session",
    versions: ["1.5", "1.6"],
    reason: "who revokes the own session, or all, keeps dead cookies until the next read",
    scenarios: ["revoking one session", "revoking all"],
  },
  {
    id: "1.5: lists",
    versions: ["1.5"],
    reason: "list-sessions needs no fresh session",
    scenarios: ["a list needs a fresh session"],
  },
  {
    id: "1.5: dead device cookies",
    versions: ["1.5"],
    reason: "set-active leaves the device cookie of a session that is over in the browser",
    scenarios: ["a device session that somebody ended meanwhile"],
  },
  {
    id: "1.5: copies",
    versions: ["1.5"],
    reason: "revoke-session and revoke-other-sessions make no new copy",
    scenarios: ["what a copy still shows after a revocation elsewhere", "revoking all others"],
  },
  {
    id: "1.5: damaged copies",
    versions: ["1.5"],
    reason: "get-session answers null to a damaged copy and not from the store; the next request is answered",
    scenarios: ["a damaged copy is replaced"],
  },
  {
    id: "1.5: deferred renewal",
    versions: ["1.5"],
    reason: "the client's useSession does not send the POST of a deferred renewal when it first reads",
    client: ["deferSessionRefresh: GET only tells, POST renews"],
  },
];

// ended is how get-session answers when the session of a good copy is over.
function ended(want, { loose }) {
  want.body = "null";
  want.setCookie = gone("session_token", "session_data", "session_data", "dont_remember");
  if (loose) want.setCookie = [...new Set(want.setCookie)].sort();
}

// refusal is a body with an error, its keys in alphabetical order if loose.
const refusal = (message, code, loose) => JSON.stringify(loose ? { code, message } : { message, code });

const nameOf = (line) => line.slice(0, line.indexOf("="));

const gone = (...names) => names.map((name) => `${process.env.PREFIX}.${name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax`);

// without are rows without a session, which a list among them may name. Where rows
// are preserved its own has come to its end.
const without = (rows, token) => rows.map((row) => row.replace(new RegExp(`\\{"token":"${token}","expiresAt":<[^>]*>\\},?`), "").replace("},]", "}]"))
  .map((row) => (process.env.SECONDARY === "preserve" && row.startsWith('{"id":') && row.includes(token) ? row.replace(/"expiresAt":"[^"]*"/, '"expiresAt":"<now+0min>"') : row))
  .filter((row) => !row.endsWith("[]") && (!row.includes(token) || row.includes('"expiresAt":"<now+0min>"'))).sort();

// tokenOf is the token that a step set.
function tokenOf({ answer: { setCookie } }) {
  return /session_token=<signed (<id \d+>)>/.exec(setCookie.join("\n"))[1];
}
