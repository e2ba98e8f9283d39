package model

import (
	"math/bits"
	"slices"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
)

// decoder holds a model's open decoding states.
type decoder struct {
	slots  []engine.StateSpec // what the model keeps of a sequence; nil until the first decoding plan
	known  bool
	states map[family.StateID]*state
	next   family.StateID
}

// state is one sequence under way: the slots of the stateful ops after all its tokens. Areas may hold rubbish beyond
// them, which the next run overwrites.
type state struct {
	seq    engine.SequenceState
	tokens []int32
	snaps  []*snapshot // by length, ascending
	before [][]float32 // each slot's Fixed before the feeding under way
}

// snapshot is what a state was at an earlier length, except for areas that keep every token: those need only be cut.
// It never changes, and forks share it.
type snapshot struct {
	length int
	slots  []engine.Slot
}

const (
	// areaBlock is what Slot.Base is a multiple of.
	areaBlock = 256
	// areaGrain is the number of tokens that areas grow by at least.
	areaGrain = 32
	// snapshotGap is the number of tokens between snapshots at the end of a sequence.
	snapshotGap = 16
)

// newState is an empty sequence.
func newState(slots []engine.StateSpec) *state {
	s := &state{seq: engine.SequenceState{Slots: make([]engine.Slot, len(slots))}}
	for i, spec := range slots {
		s.seq.Slots[i] = engine.Slot{Fixed: make([]float32, spec.Fixed), Areas: make([][]float32, len(spec.PerToken))}
	}
	return s
}

// bytes is the card's figure for the tokens held; see Profile.
func (s *state) bytes(slots []engine.StateSpec) int64 {
	n := 0
	for _, spec := range slots {
		n += spec.Fixed
		held := len(s.tokens)
		if spec.Window > 0 {
			held = min(held, spec.Window)
		}
		for _, w := range spec.PerToken {
			n += w * held
		}
	}
	return 4 * int64(n)
}

// reserve makes room in the areas for tokens up to a length.
func (s *state) reserve(slots []engine.StateSpec, length int) {
	for i, spec := range slots {
		slot := &s.seq.Slots[i]
		need := length - slot.Base
		for j, w := range spec.PerToken {
			if have := len(slot.Areas[j]); have < need*w {
				tokens := max(need, min(2*have/w, have/w+areaBlock))
				tokens = (tokens + areaGrain - 1) / areaGrain * areaGrain
				grown := make([]float32, tokens*w)
				copy(grown, slot.Areas[j])
				slot.Areas[j] = grown
			}
		}
	}
}

// trim lets go of tokens that no window reaches any more.
func (s *state) trim(slots []engine.StateSpec) {
	for i, spec := range slots {
		if spec.Window == 0 || len(spec.PerToken) == 0 {
			continue
		}
		slot := &s.seq.Slots[i]
		base := reach(spec, len(s.tokens))
		if base <= slot.Base {
			continue
		}
		for j, w := range spec.PerToken {
			a := slot.Areas[j]
			copy(a, a[min(len(a), (base-slot.Base)*w):])
		}
		slot.Base = base
	}
}

// cuttable says that the state can be cut to a length without computing anything: nothing is fixed, and every area still
// holds what its window reaches.
func (s *state) cuttable(slots []engine.StateSpec, length int) bool {
	for i, spec := range slots {
		if spec.Fixed > 0 {
			return false
		}
		if spec.Window > 0 && s.seq.Slots[i].Base > max(0, length-spec.Window+1) {
			return false
		}
	}
	return true
}

// needsSnapshots says whether cutting alone may not do.
func needsSnapshots(slots []engine.StateSpec) bool {
	for _, spec := range slots {
		if spec.Fixed > 0 || spec.Window > 0 {
			return true
		}
	}
	return false
}

// remember takes a snapshot when the last one is far enough away, and thins out the old ones so that their distances
// from the end grow by powers of two: at most two for each.
func (s *state) remember(slots []engine.StateSpec) {
	length := len(s.tokens)
	last := 0
	if n := len(s.snaps); n > 0 {
		last = s.snaps[n-1].length
	}
	if length-last < snapshotGap || !needsSnapshots(slots) {
		return
	}
	s.snaps = append(slices.Clip(s.snaps), &snapshot{length, copySlots(s.seq.Slots, slots, length, false)})
	// Keep the oldest and the newest of every octave of distance.
	octave := func(x *snapshot) int { return bits.Len(uint((length - x.length) / snapshotGap)) }
	kept := s.snaps[:0:0]
	for i, x := range s.snaps {
		if i > 0 && i+1 < len(s.snaps) && octave(s.snaps[i-1]) == octave(x) && octave(s.snaps[i+1]) == octave(x) {
			continue
		}
		kept = append(kept, x)
	}
	s.snaps = kept
}

// copySlots copies the slots of a sequence of the given length, of areas with a window what the window reaches. Areas
// without a window are copied only when whole is set; a copy without them is good for going back to that length in a
// state that still has them.
func copySlots(from []engine.Slot, slots []engine.StateSpec, length int, whole bool) []engine.Slot {
	out := make([]engine.Slot, len(from))
	for i, spec := range slots {
		x := from[i]
		y := engine.Slot{Fixed: slices.Clone(x.Fixed), Areas: make([][]float32, len(x.Areas)), Base: x.Base}
		if whole || spec.Window > 0 {
			y.Base = max(x.Base, reach(spec, length))
			for j, w := range spec.PerToken {
				y.Areas[j] = slices.Clone(x.Areas[j][min(len(x.Areas[j]), (y.Base-x.Base)*w):min(len(x.Areas[j]), (length-x.Base)*w)])
			}
		}
		out[i] = y
	}
	return out
}

// reach is the first position that a window still holds after length tokens, rounded down to a multiple of areaBlock.
func reach(spec engine.StateSpec, length int) int {
	if spec.Window == 0 {
		return 0
	}
	return max(0, length-spec.Window+1) / areaBlock * areaBlock
}

// forget drops snapshots of what is no longer the past.
func (s *state) forget() {
	for len(s.snaps) > 0 && s.snaps[len(s.snaps)-1].length > len(s.tokens) {
		s.snaps = s.snaps[:len(s.snaps)-1]
	}
}

// fork copies the state.
func (s *state) fork(slots []engine.StateSpec) *state {
	return &state{
		seq:    engine.SequenceState{Slots: copySlots(s.seq.Slots, slots, len(s.tokens), true)},
		tokens: slices.Clone(s.tokens),
		snaps:  slices.Clone(s.snaps),
	}
}

// find answers the states of the given ids; field names the i-th of them in errors.
func (d *decoder) find(ids []family.StateID, field func(i int) string) ([]*state, error) {
	list := make([]*state, len(ids))
	for i, id := range ids {
		if list[i] = d.states[id]; list[i] == nil {
			return nil, family.Errorf(family.NotFound, field(i), "no open state %d", id)
		}
	}
	return list, nil
}

// findDistinct is find for ids that must differ.
func (d *decoder) findDistinct(ids []family.StateID, field func(i int) string) ([]*state, error) {
	list, err := d.find(ids, field)
	if err != nil {
		return nil, err
	}
	seen := make(map[family.StateID]bool, len(ids))
	for i, id := range ids {
		if seen[id] {
			return nil, family.Errorf(family.InvalidArgument, field(i), "state %d is given twice", id)
		}
		seen[id] = true
	}
	return list, nil
}

func (d *decoder) add(s *state) family.StateID {
	d.next++
	d.states[d.next] = s
	return d.next
}

// back answers a new state with the longest known beginning of s that is not beyond length.
func (s *state) back(slots []engine.StateSpec, length int) *state {
	at := newState(slots)
	for i := len(s.snaps) - 1; i >= 0; i-- {
		x := s.snaps[i]
		if x.length > length {
			continue
		}
		for j, y := range copySlots(x.slots, slots, x.length, false) {
			if spec := slots[j]; spec.Window == 0 {
				for k, w := range spec.PerToken {
					y.Areas[k] = slices.Clone(s.seq.Slots[j].Areas[k][:x.length*w])
				}
			}
			at.seq.Slots[j] = y
		}
		at.tokens = slices.Clone(s.tokens[:x.length])
		at.snaps = slices.Clone(s.snaps[:i+1])
		break
	}
	return at
}
