package engine

import (
	"slices"

	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/tensor"
)

// stage runs a float32 kernel over 16-bit memory: it widens what the kernel reads to staging memory and rounds what it
// wrote, for as few rows at a time as the op can be run on.
type stage struct {
	v         *value
	parts     Parts
	precision Precision
	pool      *kernel.Pool
	slot      int
	capacity  int // M
	rows      int // that staging memory holds
	operands  []*operand
	in        []stagedBuffer
	out       *operand
	saved     []*operand

	kernel Kernel
	sub    Run // of the rows at hand
	segs   []kernel.Segment
}

// stagedBuffer is an input with the saved buffers that the op may read.
type stagedBuffer struct {
	value *operand // nil: unread
	saved []*operand
}

// operand is one buffer of the plan as the kernel sees it.
type operand struct {
	shape  tensor.Shape // in the plan
	perRow int          // values a row; 0 without rows
	staged bool         // in staging memory; else the plan's own
	half   bool
	ints   bool
	writes bool
	sum    bool // added up over parts
	plan   func() Buffer
	from   Buffer
	to     Buffer
}

// rowsAtOnce are the rows of ops that run by rows: what fits the second-level caches of two cores, and enough of them that
// reading a matrix of weights is small beside the products, and adding up sums beside reading the rows.
const (
	stageFloats   = 1 << 17
	rowsByWeights = 256
	rowsBySums    = 512
	leastRows     = 64
)

// rowsOfSequences are the rows of the sequences that an op takes together: as many as fit, or one that is longer. The sums of the op
// depend on it, so that it is no matter of how much memory there is.
const rowsOfSequences = 256

// stage answers how an op's kernel gets at 16-bit values, or nil where it has none.
func (c *compiler) stage(v *value) *stage {
	if !c.opts.Precision.narrow() || !touchesHalf(v) || c.native(v) {
		return nil
	}
	s := &stage{v: v, parts: c.parts(v), precision: c.opts.Precision, pool: c.opts.Pool, capacity: c.opts.Capacity}
	c.operands(s)
	s.rows = s.capacity
	switch s.parts {
	case ByRow:
		s.rows = s.rowsAtOnce()
	case BySequence:
		if c.opts.Sequence > 0 {
			s.rows = min(s.rows, max(c.opts.Sequence, rowsOfSequences))
		}
	}
	return s
}

// native says whether the op's own kernel takes the 16-bit values as they are.
func (c *compiler) native(v *value) bool {
	if v.lay.Numerics.AsIs {
		return true
	}
	if v.lay.Numerics.Native != c.opts.Precision || v.rows && !v.half {
		return false
	}
	for _, k := range v.kids {
		if k.rows != k.half {
			return false
		}
	}
	return true
}

func touchesHalf(v *value) bool {
	half := v.half || slices.Contains(v.savedHalf, true)
	for _, k := range v.kids {
		half = half || k.half || slices.Contains(k.owner().savedHalf, true)
	}
	return half
}

// parts is how the op says that it may be run, if its values bear it out.
func (c *compiler) parts(v *value) Parts {
	if _, ok := v.node.Op().(Op); ok {
		if !v.rows && !v.lay.Numerics.Sum {
			return Whole
		}
		return v.lay.Numerics.Parts
	}
	switch opType(v.node.Op()) {
	case "elemUnaryOp", "elemBinOp":
		for _, k := range v.kids {
			if k.boxed || !k.rows && k.shape.TotalSize() != 1 {
				return Whole
			}
		}
		if v.rows {
			return ByRow
		}
	}
	return Whole
}

// operands lists what the kernel reads and writes.
func (c *compiler) operands(s *stage) {
	v, num := s.v, s.v.lay.Numerics
	whole := s.parts == Whole
	m := max(1, s.capacity)
	add := func(shape tensor.Shape, rows, half, ints bool) *operand {
		o := &operand{shape: shape, half: half, ints: ints, staged: half || rows && !whole}
		if rows {
			o.perRow = shape.TotalSize() / m
		}
		if o.staged {
			s.operands = append(s.operands, o)
		}
		return o
	}
	values, saved := map[*value]*operand{}, map[*value][]*operand{}
	for i, k := range v.kids {
		var in stagedBuffer
		if !slices.Contains(num.Unread, i) {
			if values[k] == nil {
				values[k] = add(k.shape, k.rows, k.half, k.ints)
				values[k].plan = func() Buffer { return k.buf }
			}
			in.value = values[k]
		}
		if own := k.owner(); num.SavedOf == nil || slices.Contains(num.SavedOf, i) {
			if saved[own] == nil {
				for j, e := range own.lay.Saved {
					o := add(tensor.Shape{e.Len}, e.Rows, own.savedHalf[j], e.Int)
					o.plan = func() Buffer { return own.buf.Saved[j] }
					saved[own] = append(saved[own], o)
				}
			}
			in.saved = saved[own]
		}
		s.in = append(s.in, in)
	}
	written := func(o *operand, plan func() Buffer, same bool) *operand {
		o.writes, o.plan = true, plan
		if o.perRow == 0 && !whole && !same && !o.staged {
			o.staged, o.sum = true, true
			s.operands = append(s.operands, o)
		}
		return o
	}
	if !v.boxed {
		s.out = written(add(v.shape, v.rows, v.half, v.ints), func() Buffer { return v.buf }, false)
	}
	for j, e := range v.lay.Saved {
		o := add(tensor.Shape{e.Len}, e.Rows, v.savedHalf[j], e.Int)
		s.saved = append(s.saved, written(o, func() Buffer { return v.buf.Saved[j] }, e.Same))
	}
}

// rowsAtOnce chooses how many rows an op that runs by rows sees.
func (s *stage) rowsAtOnce() int {
	perRow, sums, rows := 1, 0, leastRows
	for _, o := range s.operands {
		perRow += o.perRow
		if o.sum {
			sums += o.shape.TotalSize()
		}
	}
	rows = max(rows, min(rowsBySums, 4*sums/perRow))
	for i, in := range s.in {
		if in.value != nil && in.value.perRow == 0 && len(s.v.kids[i].shape) > 1 {
			rows = max(rows, rowsByWeights)
		}
	}
	return min(s.capacity, max(rows, stageFloats/perRow&^15))
}

// layout answers the memory that the stage needs for n rows: staging, then the op's own scratch.
func (s *stage) layout(n int) (staging, scratch int) {
	for _, o := range s.operands {
		staging += padded(o.sizeAt(n, s.parts))
	}
	if op, ok := s.v.node.Op().(Op); ok {
		shapes := make([]tensor.Shape, len(s.in))
		for i, k := range s.v.kids {
			shapes[i] = s.shapeAt(k.shape, k.rows, n)
		}
		scratch = op.Layout(shapes).Scratch
	}
	return staging, scratch
}

func (s *stage) shapeAt(shape tensor.Shape, rows bool, n int) tensor.Shape {
	if s.parts == Whole || !rows {
		return shape
	}
	shape = shape.Clone()
	shape[0] = n
	return shape
}

func (o *operand) sizeAt(n int, parts Parts) int {
	if parts == Whole || o.perRow == 0 {
		return o.shape.TotalSize()
	}
	return n * o.perRow
}

// bind makes the op's kernel over staging memory for n rows.
func (s *stage) bind(n int, mem []float32) error {
	staging, scratch := s.layout(n)
	b := Binding{Pool: s.pool, Precision: s.precision, Slot: s.slot}
	if scratch > 0 {
		b.Scratch = mem[staging : staging+scratch : staging+scratch]
	}
	for _, o := range s.operands {
		size := o.sizeAt(n, s.parts)
		o.from = o.plan()
		o.to = Buffer{Shape: o.shape}
		if o.perRow > 0 && s.parts != Whole {
			o.to.Shape = o.shape.Clone()
			o.to.Shape[0] = n
			if len(o.shape) == 1 {
				o.to.Shape[0] = size
			}
		}
		if o.ints {
			o.to.I32 = asInts(mem[:size:size])
		} else {
			o.to.F32 = mem[:size:size]
		}
		mem = mem[padded(size):]
	}
	seen := func(o *operand) Buffer {
		if o.staged {
			return o.to
		}
		return o.plan()
	}
	all := func(list []*operand) (out []Buffer) {
		for _, o := range list {
			out = append(out, seen(o))
		}
		return out
	}
	for i, in := range s.in {
		x := Buffer{Shape: s.shapeAt(s.v.kids[i].shape, s.v.kids[i].rows, n)}
		if in.value != nil {
			x = seen(in.value)
		}
		x.Saved = all(in.saved)
		b.In = append(b.In, x)
	}
	b.Saved = all(s.saved)
	if s.out != nil {
		b.Out = seen(s.out)
		b.Out.Saved = b.Saved
	}
	s.rows, s.segs = n, make([]kernel.Segment, 0, n)
	var err error
	if op, ok := s.v.node.Op().(Op); ok {
		s.kernel, err = op.Bind(b)
	} else {
		s.kernel, err = stockKernel(s.v, b)
	}
	return err
}

// run is the kernel of the step.
func (s *stage) run(r *Run) {
	if s.parts == Whole {
		n := s.capacity // Gorgonia's ops know nothing of rows
		if _, ok := s.v.node.Op().(Op); ok {
			n = r.Rows
		}
		s.load(0, n)
		s.kernel(r)
		s.store(0, n)
		return
	}
	for at, seg, n := 0, 0, 0; at == 0 || at < r.Rows; at += n {
		s.sub = *r
		s.sub.FLOPs = 0
		if s.parts == ByRow {
			n = s.cut(r, at, &seg)
		} else {
			n = s.gather(r, at, &seg)
		}
		s.sub.Rows = n
		s.load(at, n)
		s.kernel(&s.sub)
		s.store(at, n)
		r.FLOPs += s.sub.FLOPs
		if r.Rows == 0 {
			return
		}
	}
}

// cut takes the next rows, whatever sequences they belong to.
func (s *stage) cut(r *Run, at int, seg *int) int {
	n := min(s.rows, r.Rows-at)
	s.segs = s.segs[:0]
	for i := *seg; i < len(r.Segments); i++ {
		x := r.Segments[i]
		lo, hi := max(x.Start, at), min(x.Start+x.Len, at+n)
		if lo < hi {
			s.segs = append(s.segs, kernel.Segment{Start: lo - at, Len: hi - lo, Pos: x.Pos + lo - x.Start})
		}
		if *seg = i; x.Start+x.Len > at+n {
			break
		}
	}
	s.sub.Segments, s.sub.States = s.segs, nil
	return n
}

// gather takes the next sequences of rowsOfSequences, at least one.
func (s *stage) gather(r *Run, at int, seg *int) int {
	first, n := *seg, 0
	s.segs = s.segs[:0]
	for ; *seg < len(r.Segments); *seg++ {
		x := r.Segments[*seg]
		if n > 0 && n+x.Len > rowsOfSequences {
			break
		}
		if x.Len > s.rows {
			s.grow(x.Len)
		}
		x.Start = n
		s.segs = append(s.segs, x)
		n += x.Len
	}
	s.sub.Segments = s.segs
	if r.States != nil {
		s.sub.States = r.States[first:*seg]
	}
	return n
}

// grow makes room for a sequence longer than planned, once.
func (s *stage) grow(n int) {
	n = min(s.capacity, n)
	staging, scratch := s.layout(n)
	segs := s.segs
	if err := s.bind(n, alignedFloats(staging+scratch)); err != nil {
		panic(err)
	}
	s.segs = append(s.segs, segs...)
}

// load fills staging with what the kernel reads of rows [at,at+n).
func (s *stage) load(at, n int) {
	for _, o := range s.operands {
		if o.writes || o.perRow == 0 && at > 0 {
			continue
		}
		lo, hi := o.span(at, n)
		switch {
		case o.half:
			s.precision.widen(s.pool, o.to.F32, o.from.F16[lo:hi])
		case o.ints:
			copy(o.to.I32, o.from.I32[lo:hi])
		default:
			copy(o.to.F32, o.from.F32[lo:hi])
		}
	}
}

// store writes what the kernel made of rows [at,at+n).
func (s *stage) store(at, n int) {
	for _, o := range s.operands {
		if !o.writes {
			continue
		}
		lo, hi := o.span(at, n)
		switch {
		case o.half:
			s.precision.round(s.pool, o.from.F16[lo:hi], o.to.F32[:hi-lo])
		case o.ints:
			copy(o.from.I32[lo:hi], o.to.I32)
		case o.sum && at > 0:
			kernel.AddInto(s.pool, o.from.F32, o.to.F32)
		default:
			copy(o.from.F32[lo:hi], o.to.F32)
		}
	}
}

// span is where rows [at,at+n) of an operand lie in the plan; a buffer without rows lies there as a whole.
func (o *operand) span(at, n int) (lo, hi int) {
	if o.perRow == 0 {
		return 0, o.shape.TotalSize()
	}
	return at * o.perRow, (at + n) * o.perRow
}
