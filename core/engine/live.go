package engine

import (
	"fmt"
	"slices"

	"gorgonia.org/gorgonia"
)

// keepDerived moves the steps that depend on parameters alone to the front and keeps their values.
func (c *compiler) keepDerived() {
	if !c.opts.KeepDerived || c.opts.Params == nil {
		return
	}
	var first, rest []*value
	for _, v := range c.run {
		if v.fixed {
			first = append(first, v)
			v.eachBlock(func(b *block) { b.use(forever) })
		} else {
			rest = append(rest, v)
		}
	}
	c.run = append(first, rest...)
	c.plan.derived = len(first)
	for at, v := range c.run {
		for _, b := range append([]*block{v.block, v.tmp}, v.saved...) {
			if b == nil {
				continue
			}
			if b.def = at; b.last != forever {
				b.last = at
			}
		}
	}
}

// live finds the last reader of every block and lets outputs take over inputs that nobody reads later.
func (c *compiler) live(roots gorgonia.Nodes) error {
	for at, v := range c.run {
		for i, k := range v.kids {
			k.owner().reads++
			v.eachRead(i, func(b *block) { b.use(at) })
		}
	}
	for _, n := range roots {
		v := c.values[n]
		if v == nil {
			return fmt.Errorf("engine: compile: output %s is not in the graph", describe(n))
		}
		if v.boxed {
			return fmt.Errorf("engine: compile: output %s is %v, want float32 or int32", describe(n), n.Dtype())
		}
		v.owner().reads++
		v.eachBlock(func(b *block) { b.use(forever) })
	}
	if c.opts.NoSharing {
		return nil
	}
	for at, v := range c.run {
		for _, k := range v.lay.InPlace {
			if c.inPlace(v, k, at) {
				break
			}
		}
		for _, t := range v.lay.Takes {
			v.take(t, at)
		}
	}
	return nil
}

// inPlace makes v, computed at a step, live in the memory of input k if that is legal.
func (c *compiler) inPlace(v *value, k, at int) bool {
	if v.block == nil || v.block.merged != nil || k >= len(v.kids) {
		return false
	}
	in := v.kids[k]
	if in.block == nil || in.ints != v.ints || in.half != v.half {
		return false
	}
	b := in.block.root()
	if b.last != at || b.size != v.block.size {
		return false
	}
	for j, other := range v.kids {
		shared := false
		other.eachBlock(func(o *block) { shared = shared || j != k && o.root() == b })
		if shared {
			return false
		}
	}
	b.takeOver(v.block)
	return true
}

// take makes a saved buffer of v, computed at a step, live in the memory of an input's if nobody reads that one later.
func (v *value) take(t Take, at int) {
	in := v.kids[t.Input].owner()
	b := in.saved[t.Of].root()
	own := v.saved[t.Saved]
	if b.last != at || b.size != own.size || in.savedHalf[t.Of] != v.savedHalf[t.Saved] {
		return
	}
	for j, other := range v.kids {
		shared := false
		other.eachBlock(func(o *block) { shared = shared || j != t.Input && o.root() == b })
		if shared {
			return
		}
	}
	b.takeOver(own)
}

// eachRead calls f for the blocks of input i that v's kernel looks at.
func (v *value) eachRead(i int, f func(*block)) {
	k, num := v.kids[i], v.lay.Numerics
	_, fused := v.node.Op().(Op)
	if k.block != nil && !slices.Contains(num.Unread, i) {
		f(k.block)
	}
	taken := false
	for _, t := range v.lay.Takes {
		if t.Input == i {
			taken = true
			f(k.owner().saved[t.Of])
		}
	}
	if fused && !taken && (num.SavedOf == nil || slices.Contains(num.SavedOf, i)) {
		for _, s := range k.owner().saved {
			f(s)
		}
	}
}

// eachBlock calls f for all blocks of v.
func (v *value) eachBlock(f func(*block)) {
	if v.block != nil {
		f(v.block)
	}
	for _, s := range v.owner().saved {
		f(s)
	}
}
