package engine

import (
	"fmt"

	"gorgonia.org/tensor"
)

// pinGrads moves gradients into Param.Grad where a gradient has a block of its own.
func (c *compiler) pinGrads() error {
	for _, x := range c.opts.Grads {
		p := c.opts.Params.Get(x.Param)
		if p == nil || p.Grad == nil {
			return fmt.Errorf("engine: compile: gradient of %q: no such trainable parameter", x.Param)
		}
		v := c.values[x.Node]
		if v.shape.TotalSize() != p.Len() {
			return fmt.Errorf("engine: compile: gradient of %s has shape %v, want %v", x.Param, v.shape, p.Shape)
		}
		if v.block == nil || v.ints || v.half {
			continue
		}
		if b := v.block.root(); b.pin == nil && b.size == p.Len() {
			b.pin = p.Grad
		}
	}
	return nil
}

// copyGrads copies gradients that could not be pinned after every run.
func (c *compiler) copyGrads() error {
	for _, x := range c.opts.Grads {
		p, v := c.opts.Params.Get(x.Param), c.values[x.Node]
		if v.buf.F32 == nil {
			return fmt.Errorf("engine: compile: gradient of %s is not float32", x.Param)
		}
		if len(p.Grad) > 0 && &v.buf.F32[0] != &p.Grad[0] {
			c.plan.copies = append(c.plan.copies, gradCopy{p.Grad, v.buf.F32})
		}
	}
	return nil
}

// MemoryError refuses a plan whose arena would be larger than Options.Limit.
type MemoryError struct{ Need, Limit int64 }

// Error states both sizes.
func (e *MemoryError) Error() string {
	return fmt.Sprintf("engine: the plan needs %d MiB for activations, want at most %d MiB", e.Need>>20, e.Limit>>20)
}

// allocate makes the arena and cuts every buffer out of it.
func (c *compiler) allocate() error {
	size := place(c.blocks, !c.opts.NoSharing)
	if need := 4 * int64(size); c.opts.Limit > 0 && (need > c.opts.Limit || need < 0) {
		return &MemoryError{need, c.opts.Limit}
	}
	c.plan.arena = alignedFloats(size)
	for _, v := range c.order {
		switch {
		case v.leaf || v.boxed:
			continue
		case v.of != nil && v.block == nil: // a view of a leaf
			v.buf = v.of.buf
			v.buf.Shape = v.shape
			continue
		}
		v.buf = c.buffer(v.block, v.shape, v.ints, v.half)
		if v.of != nil && v.part < 0 {
			v.buf.Saved = v.of.buf.Saved
		}
		for i, s := range v.saved {
			e := v.lay.Saved[i]
			v.buf.Saved = append(v.buf.Saved, c.buffer(s, tensor.Shape{e.Len}, e.Int, v.savedHalf[i]))
		}
	}
	if !c.opts.Poison {
		return nil
	}
	c.plan.poison = []poisoned{}
	for at := range c.run {
		for _, b := range c.blocks {
			if b.merged == nil && b.last == at && b.size > 0 {
				c.plan.poison = append(c.plan.poison, poisoned{at, c.memory(b)})
			}
		}
	}
	return nil
}

// memory answers the memory of a block.
func (c *compiler) memory(b *block) []float32 {
	r := b.root()
	if r.pin != nil {
		return r.pin[:b.size:b.size]
	}
	return c.plan.arena[r.offset : r.offset+b.size : r.offset+b.size]
}

func (c *compiler) buffer(b *block, shape tensor.Shape, ints, half bool) Buffer {
	switch {
	case ints:
		return Buffer{Shape: shape, I32: asInts(c.memory(b))}
	case half:
		return Buffer{Shape: shape, F16: halves(c.memory(b), shape.TotalSize())}
	}
	return Buffer{Shape: shape, F32: c.memory(b)}
}
