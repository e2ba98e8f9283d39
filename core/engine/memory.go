package engine

import (
	"math"
	"slices"
	"sort"
	"unsafe"
)

// A block is memory that is live from the step that writes it to the last step that reads it. Blocks whose lives do not
// meet may share addresses. Lengths and offsets count float32s; an int32 takes the place of one.
type block struct {
	size      int
	def, last int
	merged    *block    // the block whose memory this one took over, in place
	pin       []float32 // memory outside the arena that the block must use instead
	offset    int
}

const (
	cacheLine = 16 // float32s
	forever   = math.MaxInt
)

// root answers the block that holds b's memory.
func (b *block) root() *block {
	for b.merged != nil {
		b = b.merged
	}
	return b
}

// use says that the block is read at a step.
func (b *block) use(step int) {
	if b = b.root(); step > b.last {
		b.last = step
	}
}

// takeOver makes out live in the memory of b, from b's last reader on.
func (b *block) takeOver(out *block) {
	b.last = out.last
	out.merged = b
}

// place gives every root block that is not pinned an offset, and answers the length of the arena. Blocks are placed each at the
// lowest offset where it meets no block that lives at the same time, from the largest down (Pisarchyk & Lee 2020, greedy by size),
// or first those that live at the step where most memory does, which then lie without gaps, those that die last below the others, so
// that they leave one gap: whichever makes the shorter arena. With share false every block gets addresses of its own.
func place(blocks []*block, share bool) int {
	var roots []*block
	for _, b := range blocks {
		if b.merged == nil && b.pin == nil && b.size > 0 {
			roots = append(roots, b)
		}
	}
	if !share {
		length := 0
		for _, b := range roots {
			b.offset = length
			length += padded(b.size)
		}
		return length
	}
	sort.SliceStable(roots, func(i, j int) bool { return roots[i].size > roots[j].size })
	peak := fullest(roots)
	first := slices.Clone(roots)
	sort.SliceStable(first, func(i, j int) bool {
		a, b := first[i], first[j]
		if a.livesAt(peak) && b.livesAt(peak) {
			return a.last > b.last
		}
		return a.livesAt(peak) && !b.livesAt(peak)
	})
	if bySize := pack(roots); bySize <= pack(first) {
		return pack(roots)
	}
	return pack(first)
}

// pack places blocks in the order of the list.
func pack(list []*block) (length int) {
	var placed []*block // by offset
	for _, b := range list {
		size := padded(b.size)
		b.offset = gap(placed, b, size)
		at := sort.Search(len(placed), func(i int) bool { return placed[i].offset > b.offset })
		placed = slices.Insert(placed, at, b)
		length = max(length, b.offset+size)
	}
	return length
}

// fullest answers the first step at which blocks of the most memory live.
func fullest(list []*block) (step int) {
	most := 0
	for _, x := range list { // where memory is at its most, some block begins
		sum := 0
		for _, b := range list {
			if b.livesAt(x.def) {
				sum += padded(b.size)
			}
		}
		if sum > most || sum == most && x.def < step {
			most, step = sum, x.def
		}
	}
	return step
}

func (b *block) livesAt(step int) bool { return b.def <= step && step <= b.last }

// gap answers the lowest offset at which b fits between the placed blocks that live when it lives.
func gap(placed []*block, b *block, size int) int {
	at := 0
	for _, o := range placed {
		if o.last < b.def || b.last < o.def {
			continue
		}
		if o.offset-at >= size {
			return at
		}
		at = max(at, o.offset+padded(o.size))
	}
	return at
}

func padded(n int) int { return (n + cacheLine - 1) / cacheLine * cacheLine }

// alignedFloats allocates n zeros that begin on a cache line.
func alignedFloats(n int) []float32 {
	if n == 0 {
		return nil
	}
	x := make([]float32, n+cacheLine)
	skip := 0
	if r := int(uintptr(unsafe.Pointer(&x[0]))/4) % cacheLine; r != 0 {
		skip = cacheLine - r
	}
	return x[skip : skip+n : skip+n]
}

// asInts views float32 memory as int32.
func asInts(x []float32) []int32 {
	if len(x) == 0 {
		return []int32{}
	}
	return unsafe.Slice((*int32)(unsafe.Pointer(&x[0])), len(x))
}

// poison fills dead memory so that any use of it shows: all bits set is NaN in 32 and in 16 bits.
func poison(x []float32) {
	nan := math.Float32frombits(math.MaxUint32)
	for i := range x {
		x[i] = nan
	}
}
