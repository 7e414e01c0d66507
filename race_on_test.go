//go:build race

package ginsession_test

// The race detector makes sync.Pool forget at random: contexts of gin, states of
// HMACs.
const poolsForget = true
