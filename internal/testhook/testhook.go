// Package testhook holds what only the project's own test programs may do to a
// Manager. It is internal, so that applications cannot.
package testhook

// Forget drops what a *ginsession.Manager remembers of revocations, as a
// restart would, so that recorded exchanges can be replayed one by one.
var Forget func(manager any)
