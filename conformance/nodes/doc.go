// Package nodes runs three processes of a service behind one MariaDB, with the
// cookie cache and the revocation feed on, under steady traffic, and judges every
// answer. Nothing imports it.
//
// TestRevocationReachesTheOtherNodes ends sessions on one node, in each way there
// is, and measures when the two others refuse the cookies that were saved before.
// TestFaults breaks what the feed hangs on: its table, the database, the network,
// a node.
//
// What must hold, whatever breaks: from CookieCache.MaxLag after a revocation has
// answered, no node takes a copy of the session; the node that ended it takes none
// at all; no answer tells a browser to drop the cookie of a live session; and no
// session is lost.
//
// A node is this test program, started again: a process that can be stopped and
// killed. mariadbd and mariadb-install-db must be on the PATH or in /usr/sbin. Some
// 60 sessions are ended, or 1,000 with TEST_LONG set, as ./test.sh -long does:
//
//	TEST_LONG=1 go test -v -timeout 1h -parallel 1 ./nodes
package nodes
