// Package redisstore keeps sessions in Redis or Valkey, as Better Auth's secondary
// storage does, so that a Go service and a Better Auth server can share them there:
// the same keys, the same bytes, the same lives. Users stay in the database, and
// with Options.StoreInDatabase sessions do as well.
//
// # What is where
//
//	<token>                            {"session":{…},"user":{…}}, until the session expires
//	active-sessions-<user id>          the user's list of sessions
//	revoked-sessions-before-<user id>  milliseconds: what began earlier has ended
//	{<token>}:gone                     ours, for ten minutes: no session may begin under this token
//	{revocations}                      ours: the feed, a stream
//
// Every change is conditional on what was read, in a script: a session that was
// revoked does not come back, and of changes to a list at the same time none is lost.
// A Better Auth server's changes are not conditional: beside one, a session that is
// revoked in the very moment of its renewal there comes back, and a list may name
// sessions that ended and lack some that live. Revoking all of a user's sessions ends
// those too.
//
// Redis must not evict these keys: set maxmemory-policy to noeviction.
//
// # Clusters
//
// Better Auth's names put the three keys of a session into different hash slots, and
// no script can change them together. They are therefore written in an order that
// leaves the safe half behind when a process dies in between: a session that begins
// is first listed and then written, one that ends is first deleted and then taken
// off the list, and one that is replaced ends before its successor begins.
//
// # Failover
//
// Redis replicates behind its answers. A master that dies can take its last writes
// with it, and a revocation among them is then undone: the session is alive again.
// With Options.Replicas set to the number of replicas no revocation is acknowledged
// before all of them have it. By the same loss a session that has just begun can be
// gone; its browser must sign in again. A server without replicas loses writes when it
// is started again from its disk: unless its appendfsync is always, a session that was
// revoked in the last second may be alive again.
package redisstore
