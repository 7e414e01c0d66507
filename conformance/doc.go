// Package conformance holds the tests of the suite against the world it must
// fit into: recorded exchanges of a Better Auth server, the official client on
// Node, a live Better Auth server on the same database, and a real browser on
// the example and on a React app; the recipes for front ends in docs/recipes;
// and docs/openapi.yaml, against which every answer of the first and of
// TestOpenAPI is held. Package races holds what concurrent requests may do to a
// session. Nothing imports any of it.
//
// The tests need node, npm, Chromium and, in TEST_MYSQL_DSN, a server of their
// own on which they may create databases; ./test.sh at the root provides all of
// it. What is missing fails them: they never skip. Packages faults and nodes below need
// MariaDB's programs and no such server: they break ones of their own.
package conformance
