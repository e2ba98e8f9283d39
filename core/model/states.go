package model

import (
	"context"
	"fmt"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// maxStates is the largest number of states that may be open at once: a caller that loses count gets an error before
// the machine runs out of memory.
const maxStates = 1 << 16

// Open makes empty states. A state holds what the weights were when its tokens were fed; after Train or Load, open new
// ones.
func (m *lm) Open(ctx context.Context, n int) ([]family.StateID, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.leave()
	if n < 0 {
		return nil, family.Errorf(family.InvalidArgument, "n", "got %d, want at least 0", n)
	}
	if err := m.room(n); err != nil {
		return nil, err
	}
	if err := m.learnSlots(); err != nil {
		return nil, err
	}
	ids := make([]family.StateID, n)
	for i := range ids {
		ids[i] = m.decoder.add(newState(m.decoder.slots))
	}
	return ids, nil
}

func (m *lm) room(n int) error {
	if have := len(m.decoder.states); have+n > maxStates {
		return family.Errorf(family.Exhausted, "n", "%d more states with %d open, want at most %d", n, have, maxStates)
	}
	return nil
}

// learnSlots finds out what the model keeps of a sequence.
func (m *lm) learnSlots() error {
	if m.decoder.known {
		return nil
	}
	p, err := m.plan(nn.Decoding, 1, 0)
	if err != nil {
		return err
	}
	m.decoder.slots, m.decoder.known = p.States(), true
	return nil
}

func stateField(i int) string { return fmt.Sprintf("states[%d]", i) }

// Fork copies states; a state may be given several times.
func (m *lm) Fork(ctx context.Context, ids []family.StateID) ([]family.StateID, error) {
	if err := m.enter(ctx); err != nil {
		return nil, err
	}
	defer m.leave()
	list, err := m.decoder.find(ids, stateField)
	if err != nil {
		return nil, err
	}
	if err := m.room(len(list)); err != nil {
		return nil, err
	}
	out := make([]family.StateID, len(list))
	for i, s := range list {
		out[i] = m.decoder.add(s.fork(m.decoder.slots))
	}
	return out, nil
}

// Close forgets states.
func (m *lm) Close(ctx context.Context, ids []family.StateID) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.leave()
	if _, err := m.decoder.findDistinct(ids, stateField); err != nil {
		return err
	}
	for _, id := range ids {
		delete(m.decoder.states, id)
	}
	return nil
}

// Rewind drops the last n tokens of a state. Where the state cannot just be cut, it goes back to the nearest snapshot
// and feeds the tokens from there on again, which gives the same bits as feeding them the first time. When that is
// cancelled the state is as it was.
func (m *lm) Rewind(ctx context.Context, id family.StateID, n int) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.leave()
	list, err := m.decoder.find([]family.StateID{id}, func(int) string { return "state" })
	if err != nil {
		return err
	}
	s := list[0]
	if n < 0 || n > len(s.tokens) {
		return family.Errorf(family.InvalidArgument, "n", "got %d, want 0 to %d, the tokens of state %d", n, len(s.tokens), id)
	}
	if n == 0 {
		return nil
	}
	length := len(s.tokens) - n
	if s.cuttable(m.decoder.slots, length) {
		s.tokens = s.tokens[:length]
		s.forget()
		return nil
	}
	again := s.back(m.decoder.slots, length)
	if rest := s.tokens[len(again.tokens):length]; len(rest) > 0 {
		if err := m.feed(ctx, []*feeding{{s: again, tokens: rest}}, feedOptions{}, nil); err != nil {
			return err
		}
	}
	m.decoder.states[id] = again
	return nil
}
