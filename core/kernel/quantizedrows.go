package kernel

import "math"

// A rowFormat is what a tile or row takes of X.
type rowFormat struct {
	quads    int  // bytes in a word: 4, or 2 that are widened
	unsigned bool // plus 128
	split    bool // magnitudes, and then signs
	groups   bool // with what the zero of 4-bit weights takes away
}

// quantizedRows are the rows of X as integers.
type quantizedRows struct {
	rowFormat
	words  []float32 // [M,ld]
	ld     int
	k      int       // filled up
	scale  []float32 // [M]
	zeros  []int32   // [K/32,M] for groups; [M] where sums start, if split
	memory *buffer
}

// row8 returns row i, of quads.
func (r *quantizedRows) row8(i int) []int8 {
	n := r.k
	if r.split {
		n *= 2
	}
	return bytesOf(r.words[i*r.ld:])[:n]
}

// start is where the sums of row i start.
func (r *quantizedRows) start(i int) int32 {
	if r.split {
		return r.zeros[i]
	}
	return 0
}

func (r *quantizedRows) release() { scratch.put(r.memory) }

func newQuantizedRows(p *Pool, m, k int, x []float32, ldx int, format rowFormat) quantizedRows {
	r := quantizedRows{rowFormat: format, k: fill(k)}
	// Rows an odd number of cache lines apart do not meet in the same sets.
	r.ld = ((r.k/r.quads+15)/16 | 1) * 16
	zeros := 0
	switch {
	case r.groups:
		zeros = m * (r.k / int4Group)
	case r.split:
		r.ld, zeros = 2*r.ld, m
	}
	r.memory = scratch.take(m*(r.ld+1) + zeros)
	r.words, r.scale, r.zeros = r.memory.f[:m*r.ld], r.memory.f[m*r.ld:][:m], int32sOf(r.memory.f[m*(r.ld+1):])
	launch(p, &quantizeRowsJobs, quantizeRows{r, m, x, ldx, k}, m, grainFor(2*k))
	return r
}

type quantizeRows struct {
	quantizedRows
	m    int
	x    []float32
	ldx  int
	kOfX int
}

var quantizeRowsJobs jobs[quantizeRows]

func (t *quantizeRows) run(lo, hi int) {
	kernels := active.int8
	var narrow *buffer
	if t.quads == 2 {
		narrow = scratch.take(t.k / 4)
	}
	for i := lo; i < hi; i++ {
		x, words := t.x[i*t.ldx:][:t.kOfX], t.words[i*t.ld:][:t.ld]
		inv, scale := int8Scale(kernels.absMax(x))
		t.scale[i] = scale
		bytes := bytesOf(words)
		if narrow != nil {
			bytes = bytesOf(narrow.f)
		}
		bytes = bytes[:t.k]
		if inv == 0 {
			clear(bytes)
		} else {
			kernels.quantize8(bytes[:len(x)], x, inv)
			clear(bytes[len(x):])
		}
		if t.unsigned {
			for i, b := range words[:t.k/4] {
				words[i] = math.Float32frombits(math.Float32bits(b) ^ 0x80808080)
			}
		}
		if t.split {
			t.zeros[i] = kernels.split(bytesOf(words)[t.k:], bytes)
		}
		if t.groups {
			active.int4.zeros(t.zeros[i:], t.m, bytes)
		}
		if narrow != nil {
			kernels.widen(words, bytes)
		}
	}
	if narrow != nil {
		scratch.put(narrow)
	}
}
