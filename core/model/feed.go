package model

import (
	"context"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
)

// feedRows is the number of tokens that one run feeds at most.
const feedRows = 256

// feeding is a state with the tokens to feed it, and what it was before.
type feeding struct {
	s      *state
	tokens []int32
	fed    int
	rows   int // the answered positions before this feeding's

	length int
	snaps  []*snapshot
}

// visitor is told of the logits that a run made: row j of p.logits (and p.drafts) is position at of feeding f.
type visitor func(p *plan, f *feeding, at, j int)

type feedOptions struct {
	logits bool // of the last position
	all    bool // of all positions
	draft  bool // the last positions' rows are wanted of the draft heads as well
	visit  visitor
}

// begin remembers what undo needs and makes room. What the state holds stays where it is until all has succeeded.
func (f *feeding) begin(slots []engine.StateSpec) {
	f.length, f.snaps = len(f.s.tokens), f.s.snaps
	if f.s.before == nil {
		f.s.before = make([][]float32, len(slots))
	}
	for i := range f.s.seq.Slots {
		f.s.before[i] = append(f.s.before[i][:0], f.s.seq.Slots[i].Fixed...)
	}
	f.s.reserve(slots, f.length+len(f.tokens))
}

// undo makes the state what it was at begin.
func (f *feeding) undo() {
	f.s.tokens, f.s.snaps = f.s.tokens[:f.length], f.snaps
	for i := range f.s.seq.Slots {
		copy(f.s.seq.Slots[i].Fixed, f.s.before[i])
	}
}

// feed feeds all tokens, many states in one run, a segment each, and then calls rest, if that is not nil. Only when all
// of it has succeeded are tokens let go of that no window reaches; after an error every state is as it was.
func (m *lm) feed(ctx context.Context, list []*feeding, o feedOptions, rest func() error) (err error) {
	slots := m.decoder.slots
	for _, f := range list {
		f.begin(slots)
	}
	for left := list; err == nil && len(left) > 0; {
		left, err = m.feedRun(ctx, left, o)
	}
	if err == nil && rest != nil {
		err = rest()
	}
	for _, f := range list {
		if err != nil {
			f.undo()
		} else {
			f.s.trim(slots)
		}
	}
	return err
}

// answer is a row of a run whose logits are wanted.
type answer struct {
	f  *feeding
	at int
}

// feedRun makes one run of at most feedRows tokens and answers the feedings that still have some.
func (m *lm) feedRun(ctx context.Context, list []*feeding, o feedOptions) ([]*feeding, error) {
	var r engine.Run
	var answers []answer
	used := list[:0:0]
	mode := nn.Decoding
	for _, f := range list {
		n := min(len(f.tokens)-f.fed, feedRows-r.Rows)
		if n == 0 {
			break
		}
		r.Segments = append(r.Segments, kernel.Segment{Start: r.Rows, Len: n, Pos: f.length + f.fed})
		r.States = append(r.States, &f.s.seq)
		for i := range n {
			last := f.fed+i+1 == len(f.tokens)
			if o.all || o.logits && last {
				r.Select = append(r.Select, int32(r.Rows+i))
				answers = append(answers, answer{f, f.fed + i})
			}
			if last && o.draft {
				mode = nn.Drafting
			}
		}
		r.Rows += n
		used = append(used, f)
	}
	p, err := m.plan(mode, capacity(r.Rows), 0)
	if err != nil {
		return nil, err
	}
	for i, f := range used {
		s := r.Segments[i]
		copy(p.tokens[s.Start:], f.tokens[f.fed:f.fed+s.Len])
	}
	if err := m.run(ctx, p.Plan, &r); err != nil {
		return nil, err
	}
	for j, a := range answers {
		o.visit(p, a.f, a.at, j)
	}
	for i, f := range used {
		n := r.Segments[i].Len
		f.s.tokens = append(f.s.tokens, f.tokens[f.fed:f.fed+n]...)
		f.fed += n
		f.s.remember(m.decoder.slots)
	}
	left := list
	for len(left) > 0 && left[0].fed == len(left[0].tokens) {
		left = left[1:]
	}
	return left, nil
}
