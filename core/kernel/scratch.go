package kernel

import (
	"math/bits"
	"sync"
	"unsafe"
)

// buffer is a piece of scratch memory, aligned to 64 bytes.
type buffer struct {
	f     []float32
	class int
}

// scratchList keeps released buffers by power of two of their length, so that
// scratch memory is allocated once for each size and number of users.
type scratchList struct {
	mu   sync.Mutex
	free [48][]*buffer
}

var scratch scratchList

// take returns a buffer of n floats with unspecified contents.
func (s *scratchList) take(n int) *buffer {
	class := bits.Len(uint(max(n, 64) - 1))
	s.mu.Lock()
	list := s.free[class]
	if last := len(list) - 1; last >= 0 {
		b := list[last]
		s.free[class] = list[:last]
		s.mu.Unlock()
		b.f = b.f[:n]
		return b
	}
	s.mu.Unlock()
	return &buffer{f: aligned(1 << class)[:n], class: class}
}

func (s *scratchList) put(b *buffer) {
	s.mu.Lock()
	s.free[b.class] = append(s.free[b.class], b)
	s.mu.Unlock()
}

// aligned returns n zeroed floats that start at a multiple of 64 bytes.
func aligned(n int) []float32 {
	f := make([]float32, n+15)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(f)))&63) / 4
	return f[skip : skip+n : skip+n]
}
