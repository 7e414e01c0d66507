// Tells the outcome of a suite as a row of the table in docs/compatibility.md:
//
//   node interop/outcome.mjs VERSION client|interop LOG
//
// LOG is what `go test -v` said. A test of the client suite that fails because
// that version of the client does otherwise, by allowed.mjs, counts as such and
// not as failed. Exit status 1: something else failed.

import { readFileSync } from "node:fs";
import { allowed } from "./allowed.mjs";

const [version, suite, file] = process.argv.slice(2);
const minor = version.split(".", 2).join(".");
const lines = readFileSync(file, "utf8").split("\n");

const numbers = (pattern) => lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).map(Number);
const passed = numbers(/ℹ pass (\d+)$/).reduce((a, b) => a + b, 0);
const failures = numbers(/ℹ fail (\d+)$/);
let failed = failures.reduce((a, b) => a + b, 0);

// A server that does not start fails no test of node's, but one of go's.
const broken = lines.filter((line) => /^    --- FAIL: /.test(line)).length - failures.filter((n) => n > 0).length;
const ended = lines.some((line) => /^(ok|FAIL)\s/.test(line));
failed += Math.max(broken, 0) + (ended && passed > 0 ? 0 : 1);

const met = new Set(lines.flatMap((line) => /ℹ allowed "(.*?)": /.exec(line)?.[1] ?? []));
if (suite === "client") {
  const expected = allowed.filter(({ versions, client }) => client && versions.includes(minor));
  let repeated = false; // node lists its failures a second time at the end
  for (const line of lines) {
    if (line.endsWith("✖ failing tests:")) repeated = true;
    else if (/^=== |^    \w+\.go:/.test(line)) repeated = false;
    const name = /^\s*✖ (.*) \(\d[\d.]*ms\)$/.exec(line)?.[1];
    const difference = repeated ? undefined : expected.find(({ client }) => client.includes(name));
    if (difference) {
      failed--;
      met.add(difference.id);
    }
  }
}

console.log(`| ${version} | ${suite} | ${passed} | ${failed} | ${[...met].sort().join(", ") || "–"} |`);
process.exitCode = failed === 0 ? 0 : 1;
