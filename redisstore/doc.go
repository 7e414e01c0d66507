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
// revoked does not come back, and changes to a list at once lose nothing. What a
// server of Better Auth does is not conditional: beside one, a session that is
// revoked in the very moment of its renewal there comes back, and a list may name
// sessions that ended and lack some that live. A user's sessions end all the same
// when all of them are revoked.
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
// before all of them have it. So is, by the same loss, a session that has just begun
// gone, and its browser must sign in again. For a server without replicas that starts again from
// its disk the same is said by its appendfsync: with less than always, it may start
// with a session that was revoked in the last second.
package redisstore
