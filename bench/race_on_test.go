//go:build race

package bench

// The race detector allocates, and makes sync.Pool forget at random.
const raceDetector = true
