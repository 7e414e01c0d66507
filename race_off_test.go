//go:build !race

package ginsession_test

const poolsForget = false
