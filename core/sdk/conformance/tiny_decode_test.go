package conformance_test

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/archlab/archlab/core/family"
)

func (m *tinyModel) state(id family.StateID, field string) (*tinyState, error) {
	s, ok := m.states[id]
	if !ok {
		return nil, family.Errorf(family.NotFound, field, "no state %d", id)
	}
	return s, nil
}

func (m *tinyModel) keep(s *tinyState) family.StateID {
	m.next++
	m.states[m.next] = s
	return m.next
}

func (m *tinyModel) Open(ctx context.Context, n int) ([]family.StateID, error) {
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if n < 0 {
		return nil, family.Errorf(family.InvalidArgument, "n", "got %d", n)
	}
	ids := make([]family.StateID, n)
	for i := range ids {
		ids[i] = m.keep(&tinyState{h: make([]float64, m.c.Width)})
	}
	return ids, nil
}

func (m *tinyModel) Extend(ctx context.Context, req family.ExtendRequest) (family.ExtendResult, error) {
	r := family.ExtendResult{Width: m.v}
	if err := m.usable(ctx); err != nil {
		return r, err
	}
	defer m.mu.Unlock()
	if err := m.checkExtend(req); err != nil {
		return r, err
	}
	start := time.Now()
	defer func() { m.busy += time.Since(start) }()
	if req.TopK > 0 {
		r.Width = req.TopK
	}
	m.profile[0].calls++
	for n, item := range req.Items {
		s := m.states[item.State]
		if m.fault == batchMixesStates && n > 0 {
			s.h[0] += 0.05
		}
		before := len(s.tokens)
		for i, token := range item.Tokens {
			t := m.forward(token, s.h)
			s.h, s.tokens = t.h, append(s.tokens, token)
			last := i == len(item.Tokens)-1
			if !req.All && !last {
				continue
			}
			y := t.y
			if m.fault == lastDiffers && !req.All {
				y = append([]float64{y[0] + 0.05}, y[1:]...)
			}
			m.answer(&r, m.logits(y, m.params[out]), req.TopK)
			for k := range req.Draft {
				if last {
					for _, x := range m.logits(y, m.params[out+1+k]) {
						r.Draft = append(r.Draft, float32(x))
					}
				}
			}
			if last && req.Draft > 0 && m.fault == draftMovesState {
				s.h[0] += 0.05
			}
		}
		if n := len(item.Tokens); m.fault == stepLosesState && n == 1 && before == 20 ||
			m.fault == chunkLosesState && n == 7 ||
			m.fault == longChunkLosesState && before < 256 && before+n > 256 && before > 0 {
			s.h[0] += 0.05
		}
	}
	return r, nil
}

// answer adds one row of logits, or its k largest.
func (m *tinyModel) answer(r *family.ExtendResult, logits []float64, k int) {
	r.Rows++
	ids := make([]int, len(logits))
	for i := range ids {
		ids[i] = i
	}
	if k > 0 {
		sort.SliceStable(ids, func(a, b int) bool { return logits[ids[a]] > logits[ids[b]] })
		ids = ids[:k]
		if m.fault == topKWrong && k > 1 {
			ids[0], ids[1] = ids[1], ids[0]
		}
	}
	for _, id := range ids {
		r.Logits = append(r.Logits, float32(logits[id]))
		if k > 0 {
			r.IDs = append(r.IDs, int32(id))
		}
	}
}

func (m *tinyModel) checkExtend(req family.ExtendRequest) error {
	if req.TopK < 0 || req.TopK > m.v || req.Draft < 0 || req.Draft > m.c.Drafts {
		return family.Errorf(family.InvalidArgument, "top_k", "k %d and %d draft heads, want 0 to %d and 0 to %d", req.TopK, req.Draft, m.v, m.c.Drafts)
	}
	seen := map[family.StateID]bool{}
	for i, item := range req.Items {
		field := fmt.Sprintf("items[%d]", i)
		if _, err := m.state(item.State, field+".state"); err != nil {
			return err
		}
		if seen[item.State] && m.fault != acceptsDuplicateState {
			return family.Errorf(family.InvalidArgument, field+".state", "state %d is given twice", item.State)
		}
		seen[item.State] = true
		if len(item.Tokens) == 0 {
			return family.Errorf(family.InvalidArgument, field+".tokens", "got none")
		}
		for j, x := range item.Tokens {
			if x < 0 || int(x) >= m.v {
				if m.fault == extendsBeforeChecking && i > 0 {
					m.states[req.Items[0].State].h[0] += 0.05
				}
				return family.Errorf(family.InvalidArgument, fmt.Sprintf("%s.tokens[%d]", field, j), "token %d is outside the vocabulary [0,%d)", x, m.v)
			}
		}
	}
	return nil
}

func (m *tinyModel) Fork(ctx context.Context, ids []family.StateID) ([]family.StateID, error) {
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	for i, id := range ids {
		if _, err := m.state(id, fmt.Sprintf("states[%d]", i)); err != nil {
			return nil, err
		}
	}
	copies := make([]family.StateID, len(ids))
	for i, id := range ids {
		s := m.states[id]
		if m.fault == forkShares {
			copies[i] = m.keep(s)
			continue
		}
		if m.fault == forkForgetsHistory {
			copies[i] = m.keep(&tinyState{h: append([]float64(nil), s.h...)})
			continue
		}
		copies[i] = m.keep(&tinyState{h: append([]float64(nil), s.h...), tokens: append([]int32(nil), s.tokens...)})
	}
	return copies, nil
}

func (m *tinyModel) Rewind(ctx context.Context, id family.StateID, n int) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, err := m.state(id, "state")
	if err != nil {
		return err
	}
	if m.fault == acceptsRewindTooFar {
		n = min(n, len(s.tokens))
	}
	if n < 0 || n > len(s.tokens) {
		return family.Errorf(family.InvalidArgument, "n", "cannot drop %d of %d tokens", n, len(s.tokens))
	}
	s.tokens = s.tokens[:len(s.tokens)-n]
	if m.fault == rewindKeepsRecurrence {
		return nil
	}
	flops := m.profile[0].flops
	s.h = make([]float64, m.c.Width)
	for _, x := range s.tokens {
		s.h = m.forward(x, s.h).h
	}
	m.profile[0].flops = flops
	if m.fault == rewindToZeroWrong && len(s.tokens) == 0 {
		s.h[0] = 0.05
	}
	return nil
}

func (m *tinyModel) Close(ctx context.Context, ids []family.StateID) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	for i, id := range ids {
		if _, err := m.state(id, fmt.Sprintf("states[%d]", i)); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if m.fault != leaksStates {
			delete(m.states, id)
		}
	}
	return nil
}
