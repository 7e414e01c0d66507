package cookiecache

import "sync"

// A buffer holds one value while it is made or checked. Buffers are kept, so
// that a forged value costs no allocation (SR-15).
type buffer struct {
	document []byte // what is in the value
	value    []byte
}

var buffers = sync.Pool{New: func() any { return new(buffer) }}
