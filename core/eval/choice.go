package eval

import (
	"context"
	"math"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// Choice is one multiple-choice question. Continuations are what is scored, one a choice: the choice with what joins it to the
// context. Texts are the choices themselves, whose lengths acc_norm and acc_bytes divide by.
type Choice struct {
	Continuations []Continuation
	Texts         []string
	Gold          int
}

// Choices answers multiple-choice questions as lm-evaluation-harness scores them: acc takes the likeliest choice, acc_norm the likeliest for
// each character, acc_bytes for each byte of UTF-8; the first of equals wins. bpb is bits per byte of the right choices' continuations, with the white space before them. Standard
// errors are s/sqrt(n) with s the sample standard deviation, for bpb that of a ratio of sums.
func Choices(ctx context.Context, m Scorer, tok Encoder, longest int, questions []Choice) (*record.TextScore, error) {
	var list []Continuation
	for _, q := range questions {
		list = append(list, q.Continuations...)
	}
	likely, err := Likelihoods(ctx, m, tok, longest, list)
	if err != nil {
		return nil, err
	}
	out := &record.TextScore{Items: len(questions)}
	var acc, norm, byBytes, chance, nats, size []float64
	for _, q := range questions {
		mine := likely[:len(q.Texts)]
		likely = likely[len(q.Texts):]
		right := func(length func(string) float64) float64 {
			best, at := math.Inf(-1), 0
			for i, l := range mine {
				if v := l.LogProb / length(q.Texts[i]); v > best {
					best, at = v, i
				}
			}
			if at == q.Gold {
				return 1
			}
			return 0
		}
		acc = append(acc, right(func(string) float64 { return 1 }))
		norm = append(norm, right(characters))
		byBytes = append(byBytes, right(func(s string) float64 { return float64(len(s)) }))
		chance = append(chance, 1/float64(len(q.Texts)))
		nats, size = append(nats, -mine[q.Gold].LogProb), append(size, float64(q.Continuations[q.Gold].scoredBytes()))
		for _, l := range mine {
			if l.Cut > 0 {
				out.Cut++
				break
			}
		}
	}
	out.Measures = []record.Measure{share("acc", acc), share("acc_norm", norm), share("acc_bytes", byBytes), perByte(nats, size)}
	out.Chance = stats.Mean(chance)
	out.Correct = flags(acc)
	return out, nil
}

// Clozes answers whether greedy decoding would write each continuation (acc), the perplexity of a whole continuation, exp of its mean negative
// log-probability, as lm-evaluation-harness does for LAMBADA, and bits per byte.
func Clozes(ctx context.Context, m Scorer, tok Encoder, longest int, list []Continuation) (*record.TextScore, error) {
	likely, err := Likelihoods(ctx, m, tok, longest, list)
	if err != nil {
		return nil, err
	}
	out := &record.TextScore{Items: len(list)}
	var acc, nats, size []float64
	for i, l := range likely {
		hit := 0.0
		if l.Greedy {
			hit = 1
		}
		acc, nats, size = append(acc, hit), append(nats, -l.LogProb), append(size, float64(list[i].scoredBytes()))
		if l.Cut > 0 {
			out.Cut++
		}
	}
	out.Measures = []record.Measure{share("acc", acc), perplexity(nats), perByte(nats, size)}
	out.Correct = flags(acc)
	return out, nil
}

// share is a proportion of items: Wilson's interval, the standard error of a mean.
func share(name string, hits []float64) record.Measure {
	mean, stdErr := stats.Clustered(hits, nil)
	m := record.Measure{Name: name, Value: mean, StdErr: finite(stdErr)}
	m.Low, m.High = stats.Wilson(mean*float64(len(hits)), len(hits), alpha)
	return m
}

// perplexity is exp of the mean nats of an item; its standard error is that of the mean, carried through exp.
func perplexity(nats []float64) record.Measure {
	mean, stdErr := stats.Clustered(nats, nil)
	exp := func(x float64) float64 { return math.Min(math.Exp(x), math.MaxFloat64) } // beyond, records cannot hold it
	m := record.Measure{Name: "perplexity", Value: exp(mean), StdErr: finite(exp(mean) * stdErr), Low: exp(mean), High: exp(mean)}
	if m.StdErr != nil {
		x := stats.Student(mean, stdErr, float64(len(nats)-1), alpha)
		m.Low, m.High = exp(x.Low), exp(x.High)
	}
	return m
}

// perByte is bits per byte, a ratio of sums; its standard error is that of the ratio's linearisation (Cochran 1977, section 6.3).
func perByte(nats, size []float64) record.Measure {
	bytes := stats.Mean(size)
	ratio := stats.Mean(nats) / bytes
	off := make([]float64, len(nats))
	for i := range nats {
		off[i] = (nats[i] - ratio*size[i]) / bytes
	}
	_, stdErr := stats.Clustered(off, nil)
	m := record.Measure{Name: "bpb", Value: ratio / math.Ln2, StdErr: finite(stdErr / math.Ln2)}
	m.Low, m.High = m.Value, m.Value
	if m.StdErr != nil {
		x := stats.Student(m.Value, *m.StdErr, float64(len(nats)-1), alpha)
		m.Low, m.High = x.Low, x.High
	}
	return m
}

func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func flags(hits []float64) []bool {
	out := make([]bool, len(hits))
	for i, h := range hits {
		out[i] = h == 1
	}
	return out
}
