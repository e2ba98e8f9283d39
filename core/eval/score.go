// Package eval measures trained models: loss, bits per byte and accuracy on a split, loss by position, and decoding speed
// and state size against context length. It sees models only through core/family, and judges nothing: core/stats does.
//
//	s, err := eval.Score(ctx, m, split)
package eval

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// ErrEmpty says that a split holds nothing to predict.
var ErrEmpty = errors.New("nothing to predict")

// logSlack is how far above 0 a log-probability may come out by rounding: float32 sums over a vocabulary.
const logSlack = 1e-3

// Scorer is the part of a model that scoring needs; controls implement it too.
type Scorer interface {
	Score(ctx context.Context, batch family.Batch) (family.ScoreResult, error)
}

// Split is a fixed list of batches, the same for every model.
type Split struct {
	Name    string // "validation", "test"
	Batches int
	// Batch answers the i-th batch and the bytes of text that each target spells [B,T]; nil where the data are not
	// text. The end-of-document token spells no bytes; its loss counts all the same.
	Batch func(i int) (family.Batch, []int32, error)
	// Text says that bits per byte have a meaning.
	Text bool
	// Cluster, if given, answers which rows belong together (windows of one document): they are no independent draws.
	Cluster func(batch, row int) int64
}

// Score evaluates a model on every batch of a split.
//
// Loss is the mean of -log p(target) in nats over the targets with a weight, each weighing the same. Bits per byte are the
// summed loss in bits over the bytes of the text itself, so that models with different tokenizers compare. Each row of
// a batch is one sequence.
func Score(ctx context.Context, m Scorer, split Split) (*record.Score, error) {
	s := &record.Score{Split: split.Name}
	var loss, right, whole float64
	pos := positions{}
	for i := range split.Batches {
		b, bytes, err := split.Batch(i)
		if err != nil {
			return nil, fmt.Errorf("%s batch %d: %w", split.Name, i, err)
		}
		r, err := m.Score(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("score %s batch %d: %w", split.Name, i, err)
		}
		if n := b.B * b.T; len(r.LogProbs) != n || len(r.Correct) != n {
			return nil, family.Errorf(family.Internal, "score", "got %d log-probabilities and %d flags, want B*T=%d", len(r.LogProbs), len(r.Correct), n)
		}
		starts := b.Starts
		for row := range b.B {
			var q record.SequenceLoss
			begin := row * b.T
			for k := row * b.T; k < (row+1)*b.T; k++ {
				for len(starts) > 0 && int(starts[0]) <= k {
					begin, starts = max(begin, int(starts[0])), starts[1:]
				}
				if b.Weights[k] == 0 {
					continue
				}
				nats := -float64(r.LogProbs[k])
				if nats-nats != 0 || nats < -logSlack {
					return nil, family.Errorf(family.Internal, fmt.Sprintf("score.log_probs[%d]", k), "%s batch %d: got %v for target %d, want a logarithm of a probability", split.Name, i, r.LogProbs[k], b.Targets[k])
				}
				q.Loss += nats
				q.Weight++
				if r.Correct[k] {
					q.Correct++
				}
				size := int64(0)
				if bytes != nil {
					size = int64(bytes[k])
				}
				q.Bytes += size
				pos.add(k-begin, nats, size)
			}
			if q.Weight == 0 {
				continue
			}
			if split.Cluster != nil {
				q.Cluster = split.Cluster(i, row)
			}
			loss += q.Loss
			right += float64(q.Correct)
			if q.Correct == int(q.Weight) {
				whole++
			}
			s.Tokens += int64(q.Weight)
			s.Bytes += q.Bytes
			s.Sequences = append(s.Sequences, q)
		}
	}
	if s.Tokens == 0 {
		return nil, fmt.Errorf("%s split: %w", split.Name, ErrEmpty)
	}
	n := float64(s.Tokens)
	s.Loss, s.Accuracy = loss/n, right/n
	// Beyond float64 it would be infinite, which records cannot hold.
	s.Perplexity = math.Min(math.Exp(s.Loss), math.MaxFloat64)
	if split.Text && s.Bytes > 0 {
		s.BPB = loss / math.Ln2 / float64(s.Bytes)
	}
	if !split.Text {
		s.SequenceAccuracy = whole / float64(len(s.Sequences))
	}
	s.ByPosition = pos.bins()
	return s, nil
}

// positions collects losses by position in the document: bins [0,1), [1,2), [2,4), [4,8) ... so that the early, steep part
// of the curve is resolved.
type positions struct {
	loss  []float64
	count []int64
	bytes []int64
}

func (p *positions) add(at int, nats float64, bytes int64) {
	b := 0
	for at>>b > 0 {
		b++
	}
	for len(p.loss) <= b {
		p.loss = append(p.loss, 0)
		p.count = append(p.count, 0)
		p.bytes = append(p.bytes, 0)
	}
	p.loss[b] += nats
	p.count[b]++
	p.bytes[b] += bytes
}

func (p *positions) bins() []record.PositionLoss {
	var out []record.PositionLoss
	for b, n := range p.count {
		if n == 0 {
			continue
		}
		from := 0
		if b > 0 {
			from = 1 << (b - 1)
		}
		out = append(out, record.PositionLoss{From: from, To: 1 << b, Loss: p.loss[b] / float64(n), Count: n, Bytes: p.bytes[b]})
	}
	return out
}
