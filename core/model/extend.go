package model

import (
	"context"
	"fmt"
	"reflect"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
)

// Extend checks everything, feeds all states together and picks what was asked for. A call that fails or is cancelled
// leaves every state as it was.
func (m *lm) Extend(ctx context.Context, req family.ExtendRequest) (family.ExtendResult, error) {
	leave, err := m.work(ctx)
	if err != nil {
		return family.ExtendResult{}, err
	}
	defer leave()
	list, err := m.checkExtend(req)
	if err != nil {
		return family.ExtendResult{}, err
	}
	if len(list) == 0 {
		return family.ExtendResult{Width: width(req, m.card.Vocab)}, nil
	}
	replay := false
	if req.Draft > 0 {
		if replay, err = m.draftsByReplay(); err != nil {
			return family.ExtendResult{}, err
		}
	}
	x := newAnswers(req, list, m.card.Vocab)
	var drafts func() error
	if replay {
		drafts = func() error {
			for i, f := range list {
				if err := m.replay(ctx, f.s.tokens, x.main[i], x.draft(i)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	err = m.feed(ctx, list, feedOptions{
		logits: true, all: req.All, draft: req.Draft > 0 && !replay,
		visit: x.visit,
	}, drafts)
	if err != nil {
		return family.ExtendResult{}, err
	}
	return x.res, nil
}

func (m *lm) checkExtend(req family.ExtendRequest) ([]*feeding, error) {
	v := m.card.Vocab
	switch {
	case req.TopK < 0 || req.TopK > v:
		return nil, family.Errorf(family.InvalidArgument, "top_k", "got %d, want 0 to %d, the vocabulary", req.TopK, v)
	case req.Draft < 0:
		return nil, family.Errorf(family.InvalidArgument, "draft", "got %d, want at least 0", req.Draft)
	case req.Draft > 0 && m.card.DraftHeads == 0:
		return nil, family.Errorf(family.Unimplemented, "draft", "this model has no draft heads")
	case req.Draft > m.card.DraftHeads:
		return nil, family.Errorf(family.InvalidArgument, "draft", "got %d, want at most %d, the model's draft heads", req.Draft, m.card.DraftHeads)
	}
	ids := make([]family.StateID, len(req.Items))
	for i, x := range req.Items {
		ids[i] = x.State
	}
	states, err := m.decoder.findDistinct(ids, func(i int) string { return fmt.Sprintf("items[%d].state", i) })
	if err != nil {
		return nil, err
	}
	list := make([]*feeding, len(states))
	rows := 0
	for i, x := range req.Items {
		at := fmt.Sprintf("items[%d].tokens", i)
		if len(x.Tokens) == 0 {
			return nil, family.Errorf(family.InvalidArgument, at, "got no tokens, want at least 1")
		}
		if n := len(states[i].tokens) + len(x.Tokens); m.limit > 0 && n > m.limit {
			return nil, tooLong(at, n, m.limit)
		}
		for j, t := range x.Tokens {
			if t < 0 || int(t) >= v {
				return nil, family.Errorf(family.InvalidArgument, fmt.Sprintf("%s[%d]", at, j), "token %d is outside the vocabulary [0,%d)", t, v)
			}
		}
		list[i] = &feeding{s: states[i], tokens: x.Tokens, rows: rows}
		if req.All {
			rows += len(x.Tokens)
		} else {
			rows++
		}
	}
	return list, nil
}

func width(req family.ExtendRequest, vocab int) int {
	if req.TopK > 0 {
		return req.TopK
	}
	return vocab
}

// answers collects the result of an Extend.
type answers struct {
	req   family.ExtendRequest
	vocab int
	index map[*feeding]int
	top   topK
	main  []int32 // of each item: the argmax after its last token
	res   family.ExtendResult
}

func newAnswers(req family.ExtendRequest, list []*feeding, vocab int) *answers {
	last := list[len(list)-1]
	rows := last.rows + 1
	if req.All {
		rows = last.rows + len(last.tokens)
	}
	x := &answers{req: req, vocab: vocab, index: make(map[*feeding]int, len(list)), main: make([]int32, len(list))}
	for i, f := range list {
		x.index[f] = i
	}
	x.res.Rows, x.res.Width = rows, width(req, vocab)
	x.res.Logits = make([]float32, rows*x.res.Width)
	if req.TopK > 0 {
		x.res.IDs = make([]int32, rows*x.res.Width)
	}
	if req.Draft > 0 {
		x.res.Draft = make([]float32, len(list)*req.Draft*vocab)
	}
	return x
}

// draft answers where the draft logits of item i go: [Draft,V].
func (x *answers) draft(i int) []float32 {
	n := x.req.Draft * x.vocab
	return x.res.Draft[i*n : (i+1)*n]
}

func (x *answers) visit(p *plan, f *feeding, at, j int) {
	v, w := x.vocab, x.res.Width
	logits := p.logits[j*v : (j+1)*v]
	last := at+1 == len(f.tokens)
	row := f.rows
	if x.req.All {
		row += at
	}
	if out := x.res.Logits[row*w : (row+1)*w]; x.req.TopK > 0 {
		x.top.pick(out, x.res.IDs[row*w:(row+1)*w], logits)
	} else {
		copy(out, logits)
	}
	if !last || x.req.Draft == 0 {
		return
	}
	i := x.index[f]
	x.main[i] = argmax(logits)
	for h := 0; h < x.req.Draft && h < len(p.drafts); h++ {
		copy(x.draft(i)[h*v:(h+1)*v], p.drafts[h][j*v:(j+1)*v])
	}
}

// guesses says whether draft heads read the tokens in between.
func (m *lm) guesses() bool {
	r, ok := m.arch.(Replayer)
	return ok && r.DraftsByReplay()
}

// draftsByReplay says whether draft heads are answered by running over the whole sequence: because they read the tokens
// in between, or because they carry state that decoding without them does not keep.
func (m *lm) draftsByReplay() (bool, error) {
	if m.guesses() {
		return true, nil
	}
	p, err := m.plan(nn.Drafting, 1, 0)
	if err != nil {
		return false, err
	}
	return !reflect.DeepEqual(p.States(), m.decoder.slots), nil
}

// replay fills draft [Draft,V] with the logits of the draft heads at the last of tokens. Heads that read the tokens in
// between take a run each, with greedy drafts behind tokens: the first by the main head and each other by the head before.
// Such drafts may lie past the model's limit: no row that is read sees theirs, they enter by Graph.ShiftedTokens alone.
func (m *lm) replay(ctx context.Context, tokens []int32, first int32, draft []float32) error {
	v := m.card.Vocab
	n := len(draft) / v
	if !m.guesses() {
		p, err := m.replayRun(ctx, tokens, len(tokens)-1)
		for k := 0; err == nil && k < n; k++ {
			copy(draft[k*v:(k+1)*v], p.drafts[k][:v])
		}
		return err
	}
	seq := append(append(make([]int32, 0, len(tokens)+n), tokens...), first)
	for k := range n {
		p, err := m.replayRun(ctx, seq, len(tokens)-1)
		if err != nil {
			return err
		}
		out := draft[k*v : (k+1)*v]
		copy(out, p.drafts[k][:v])
		seq = append(seq, argmax(out))
	}
	return nil
}

// replayRun runs the draft heads over a fresh sequence and selects one of its rows.
func (m *lm) replayRun(ctx context.Context, seq []int32, row int) (*plan, error) {
	p, err := m.plan(nn.Drafting, capacity(len(seq)), 0)
	if err != nil {
		return nil, err
	}
	copy(p.tokens, seq)
	return p, m.run(ctx, p.Plan, &engine.Run{
		Rows: len(seq), Segments: []kernel.Segment{{Len: len(seq)}}, Select: []int32{int32(row)},
	})
}
