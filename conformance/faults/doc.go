// Package faults breaks a real MariaDB under a real application while 200
// clients read, renew, list, sign in and revoke, and judges every answer.
// Nothing imports it.
//
// What must hold, whatever breaks: no answer tells a browser to drop the cookie
// of a live session, no session is lost, none that was revoked comes back, every
// answer arrives within the deadline, what could not be served is a 503 with
// Retry-After, and everything is served again within two seconds of the fault's
// end.
//
// The server is the test's own, in a temporary folder, because it is killed,
// frozen and filled up: mariadbd and mariadb-install-db must be on the PATH or in
// /usr/sbin. Each fault lasts a second or two, or half a minute with TEST_LONG
// set, as ./test.sh -long does. The figures are in the log of `go test -v`, and in
// any case where one of them is bad.
package faults
