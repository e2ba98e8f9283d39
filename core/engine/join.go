package engine

import "strings"

// Joining is an Op that goes over its rows one after the other and can take the sum of two values that stands right before
// or right after it into the same pass, so that memory is read once: a residual stream meets a norm at every branch, and the
// norm's gradient meets the stream's. The bits are those of two steps. Both methods answer nil where the op has no such kernel.
type Joining interface {
	Op
	// JoinBefore binds the op together with the sum x + y that makes its first input: the kernel sets b.In[0] as well.
	JoinBefore(b Binding, x, y []float32) Kernel
	// JoinAfter binds the op together with the sum of x and its value: the kernel sets b.Out, which may be x, to that sum. The
	// value itself has no other readers.
	JoinAfter(b Binding, x []float32) Kernel
}

// Summing is an Op that may be the sum, element by element, of its two inputs.
type Summing interface {
	Op
	Sums() bool
}

// join answers a step that does what steps at and at+1 do, if they can be joined.
func (c *compiler) join(at int) (s step, ok bool) {
	if c.opts.NoSharing || c.opts.Precision != FP32 || at+1 >= len(c.run) {
		return s, false
	}
	v, w := c.run[at], c.run[at+1]
	if v.again != w.again || c.backward(v.node) != c.backward(w.node) || v.fixed || w.fixed || !v.rows || !w.rows || v.tmp != nil || w.tmp != nil {
		return s, false
	}
	b := c.binding(w)
	if op, is := w.node.Op().(Joining); is && isSum(v) && w.kids[0] == v && apart(w, v, nil) {
		x, y := v.kids[0].buf, v.kids[1].buf
		s.kernel, s.kind = op.JoinBefore(b, x.F32, y.F32), "add+"+kindOf(op)
		b.In = append(b.In[:len(b.In):len(b.In)], x, y)
	}
	if op, is := v.node.Op().(Joining); is && isSum(w) && v.reads == 1 {
		other := -1
		switch v {
		case w.kids[0]:
			other = 1
		case w.kids[1]:
			other = 0
		}
		if other >= 0 && w.kids[other] != v && apart(w, v, v.kids[0]) {
			b = c.binding(v)
			b.Out = w.buf
			x := w.kids[other].buf
			s.kernel, s.kind = op.JoinAfter(b, x.F32), kindOf(op)+"+add"
			b.In = append(b.In[:len(b.In):len(b.In)], x)
		}
	}
	s.name, s.pass, s.again, s.traffic = describe(v.node)+", "+describe(w.node), c.pass(v), v.again, trafficOf(b, c.opts.Capacity)
	return s, s.kernel != nil
}

// isSum says whether v is the sum of two values of its own shape.
func isSum(v *value) bool {
	op := v.node.Op()
	if s, ok := op.(Summing); ok {
		return s.Sums()
	}
	return opType(op) == "elemBinOp" && strings.HasPrefix(op.String(), "+ ") && !v.boxed && !v.ints &&
		v.kids[0].shape.Eq(v.shape) && v.kids[1].shape.Eq(v.shape)
}

// apart says whether w may be written while the step before it, v, still reads: whether w's memory meets none of what is
// alive at that step. It may be that of v's value, which w takes the place of, and that of an input that v may work over.
func apart(w, v, over *value) bool {
	ok := true
	w.eachBlock(func(o *block) {
		for i, k := range v.kids {
			v.eachRead(i, func(b *block) {
				same := over != nil && k == over && b == over.block && o == w.block && v.block.root() == b.root()
				ok = ok && (same && o.root() == b.root() || !o.meets(b))
			})
		}
		for _, b := range v.saved {
			ok = ok && !o.meets(b)
		}
	})
	return ok
}

// meets says whether two blocks share memory.
func (b *block) meets(o *block) bool {
	b, o = b.root(), o.root()
	if b == o {
		return true
	}
	if b.pin != nil || o.pin != nil {
		return false
	}
	return b.offset < o.offset+o.size && o.offset < b.offset+b.size
}
