package conformance

import (
	"context"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
)

// decoder drives decoding states and checks the form of what comes back.
type decoder struct {
	m     family.Model
	vocab int
}

func (d decoder) open(ctx context.Context, n int) ([]family.StateID, error) {
	ids, err := d.m.Open(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	if len(ids) != n {
		return nil, fmt.Errorf("open: got %d states, want %d", len(ids), n)
	}
	return ids, nil
}

// fresh answers a new state fed with tokens.
func (d decoder) fresh(ctx context.Context, tokens ...int32) (family.StateID, error) {
	ids, err := d.open(ctx, 1)
	if err != nil {
		return 0, err
	}
	if len(tokens) > 0 {
		_, err = d.feed(ctx, ids[0], tokens)
	}
	return ids[0], err
}

// feed extends one state and answers the logits of every fed position.
func (d decoder) feed(ctx context.Context, id family.StateID, tokens []int32) ([]float32, error) {
	r, err := d.extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: tokens}}, All: true})
	return r.Logits, err
}

// chunks feeds tokens in pieces of the given sizes, again and again, and answers the logits of every position.
func (d decoder) chunks(ctx context.Context, id family.StateID, tokens []int32, sizes ...int) ([]float32, error) {
	var all []float32
	for i := 0; len(tokens) > 0; i++ {
		n := min(sizes[i%len(sizes)], len(tokens))
		logits, err := d.feed(ctx, id, tokens[:n])
		if err != nil {
			return nil, err
		}
		all, tokens = append(all, logits...), tokens[n:]
	}
	return all, nil
}

// whole answers the logits of every position of a sequence fed to a state of its own in one call.
func (d decoder) whole(ctx context.Context, tokens []int32) ([]float32, error) {
	id, err := d.fresh(ctx)
	if err != nil {
		return nil, err
	}
	logits, err := d.feed(ctx, id, tokens)
	if err != nil {
		return nil, err
	}
	return logits, d.close(ctx, id)
}

func (d decoder) fork(ctx context.Context, ids ...family.StateID) ([]family.StateID, error) {
	copies, err := d.m.Fork(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("fork: %w", err)
	}
	if len(copies) != len(ids) {
		return nil, fmt.Errorf("fork: got %d states, want %d", len(copies), len(ids))
	}
	return copies, nil
}

func (d decoder) rewind(ctx context.Context, id family.StateID, n int) error {
	if err := d.m.Rewind(ctx, id, n); err != nil {
		return fmt.Errorf("rewind by %d: %w", n, err)
	}
	return nil
}

func (d decoder) close(ctx context.Context, ids ...family.StateID) error {
	if err := d.m.Close(ctx, ids); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// extend checks rows, width and the presence of ids against the request.
func (d decoder) extend(ctx context.Context, req family.ExtendRequest) (family.ExtendResult, error) {
	r, err := d.m.Extend(ctx, req)
	if err != nil {
		return r, fmt.Errorf("extend: %w", err)
	}
	rows := len(req.Items)
	if req.All {
		rows = 0
		for _, item := range req.Items {
			rows += len(item.Tokens)
		}
	}
	width, ids := d.vocab, 0
	if req.TopK > 0 {
		width, ids = req.TopK, rows*req.TopK
	}
	if r.Rows != rows || r.Width != width || len(r.Logits) != rows*width || len(r.IDs) != ids {
		return r, fmt.Errorf("extend: got %d rows of %d with %d logits and %d ids, want %d rows of %d with %d ids",
			r.Rows, r.Width, len(r.Logits), len(r.IDs), rows, width, ids)
	}
	if want := len(req.Items) * req.Draft * d.vocab; len(r.Draft) != want {
		return r, fmt.Errorf("extend: got %d draft logits, want %d", len(r.Draft), want)
	}
	return r, nil
}

// logSoftmax answers the log-probabilities of one row of logits in double precision.
func logSoftmax(logits []float32) []float64 {
	top := math.Inf(-1)
	for _, x := range logits {
		top = max(top, float64(x))
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - top)
	}
	out := make([]float64, len(logits))
	for i, x := range logits {
		out[i] = float64(x) - top - math.Log(sum)
	}
	return out
}

// argmax answers the largest logit's id, the lowest of equals, and its lead over the runner-up.
func argmax(logits []float32) (id int, lead float64) {
	for i, x := range logits {
		if x > logits[id] {
			id = i
		}
	}
	lead = math.Inf(1)
	for i, x := range logits {
		if i != id {
			lead = min(lead, float64(logits[id]-x))
		}
	}
	return id, lead
}
