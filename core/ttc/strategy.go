package ttc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// Strategy turns the samples of one problem into an answer.
type Strategy string

// The strategies. Majority and BestOfN look at the same samples.
const (
	Greedy   Strategy = "greedy"    // one sample at temperature 0
	Majority Strategy = "majority"  // the most frequent answer, ties to the one seen first; no answer, no vote (Wang et al. 2022)
	BestOfN  Strategy = "best_of_n" // solved if the exact verifier accepts any sample
)

// Problems is a verifiable task.
type Problems interface {
	Name() string
	// Problem answers the index-th problem: a pure function of the index.
	Problem(index int) Problem
}

// Problem is one prompt with an exact verifier.
type Problem struct {
	Prompt []int32
	// Check reads a completion: its final answer in a normal form, for voting ("" if it holds none), and whether it is right.
	Check func(completion []int32) (answer string, ok bool)
}

// Config says how much compute is spent.
type Config struct {
	Strategies []Strategy
	Samples    []int // numbers of samples for Majority and BestOfN
	Problems   int
	Sampling   Sampling
	Parallel   int // sequences decoded together; 0 means 32
}

// Run measures accuracy against samples, tokens, FLOPs and seconds. Samples are nested: the first k of n are those of a run
// with k. Every number of samples is drawn anew all the same, so that time and FLOPs are measured and not a share of a
// larger run's. The accuracy of best-of-k is pass@k: estimated from all samples of the largest number, without bias and with less
// scatter than from the k (stats.PassAtK).
//
// FLOPs are the model's own count of what ran; a family that counts nothing is charged by its card.
func Run(ctx context.Context, m family.Model, card family.Card, task Problems, c Config) ([]record.TTCPoint, error) {
	var out []record.TTCPoint
	wantVote, wantBest := false, false
	for _, s := range c.Strategies {
		switch s {
		case Greedy:
			g := c.Sampling
			g.Temperature = 0
			run, err := sampleAll(ctx, m, card, task, c, g, 1)
			if err != nil {
				return nil, fmt.Errorf("greedy: %w", err)
			}
			out = append(out, run.point(task, Greedy, 1, first))
		case Majority:
			wantVote = true
		case BestOfN:
			wantBest = true
		default:
			return nil, fmt.Errorf("strategy %q: want greedy, majority or best_of_n", s)
		}
	}
	if !wantVote && !wantBest {
		return out, nil
	}
	var largest sampled
	for _, n := range c.Samples {
		if n < 1 {
			return nil, fmt.Errorf("samples %d: want at least 1", n)
		}
		run, err := sampleAll(ctx, m, card, task, c, c.Sampling, n)
		if err != nil {
			return nil, fmt.Errorf("%d samples: %w", n, err)
		}
		if wantVote {
			out = append(out, run.point(task, Majority, n, majority))
		}
		if wantBest {
			out = append(out, run.point(task, BestOfN, n, anyRight))
		}
		if n == slices.Max(c.Samples) {
			largest = run
		}
	}
	for i := range out {
		if out[i].Strategy == string(BestOfN) {
			largest.estimate(&out[i])
		}
	}
	return out, nil
}

// sample is one completion as judged.
type sample struct {
	answer string
	ok     bool
}

func first(s []sample) bool { return s[0].ok }

func anyRight(s []sample) bool {
	for _, x := range s {
		if x.ok {
			return true
		}
	}
	return false
}

func majority(s []sample) bool {
	votes := map[string]int{}
	for _, x := range s {
		if x.answer != "" {
			votes[x.answer]++
		}
	}
	var best sample
	for _, x := range s {
		if x.answer != "" && (best.answer == "" || votes[x.answer] > votes[best.answer]) {
			best = x
		}
	}
	return best.ok
}

// sampled is what one amount of sampling came to.
type sampled struct {
	byProblem [][]sample
	tokens    int64
	flops     float64
	seconds   float64
}

func (r sampled) point(task Problems, s Strategy, n int, solve func([]sample) bool) record.TTCPoint {
	p := record.TTCPoint{Task: task.Name(), Strategy: string(s), Samples: n, Problems: len(r.byProblem)}
	for _, x := range r.byProblem {
		ok := solve(x)
		p.Solved = append(p.Solved, ok)
		if ok {
			p.Correct++
		}
	}
	k := float64(p.Problems)
	p.Accuracy = p.Correct / k
	p.Low, p.High = stats.Wilson(p.Correct, p.Problems, alpha)
	p.Tokens, p.FLOPs, p.Seconds = float64(r.tokens)/k, r.flops/k, r.seconds/k
	return p
}

// estimate replaces what k samples of each problem came to by pass@k over all samples of r.
func (r sampled) estimate(p *record.TTCPoint) {
	p.Correct, p.Solved, p.Tries = 0, nil, len(r.byProblem[0])
	for _, samples := range r.byProblem {
		right := 0
		for _, s := range samples {
			if s.ok {
				right++
			}
		}
		share := stats.PassAtK(p.Tries, right, p.Samples)
		p.Shares = append(p.Shares, share)
		p.Correct += share
	}
	x := stats.Shares(p.Shares, p.Tries, alpha)
	p.Accuracy, p.Low, p.High = x.Estimate, x.Low, x.High
}

// alpha is one minus the level of every interval.
const alpha = 0.05

// sampleAll draws n samples of every problem, several problems at a time.
func sampleAll(ctx context.Context, m family.Model, card family.Card, task Problems, c Config, s Sampling, n int) (sampled, error) {
	if c.Problems < 1 {
		return sampled{}, fmt.Errorf("problems %d: want at least 1", c.Problems)
	}
	parallel := c.Parallel
	if parallel == 0 {
		parallel = 32
	}
	group := max(1, parallel/n)
	r := sampled{byProblem: make([][]sample, 0, c.Problems)}
	before, err := m.Profile(ctx, false)
	if err != nil {
		return r, err
	}
	start := time.Now()
	charged := 0.0
	for from := 0; from < c.Problems; from += group {
		to := min(from+group, c.Problems)
		done, cost, err := sampleGroup(ctx, m, card, task, s, from, to, n, parallel)
		if err != nil {
			return r, err
		}
		r.byProblem = append(r.byProblem, done...)
		r.tokens += cost.tokens
		charged += cost.flops
	}
	r.seconds = time.Since(start).Seconds()
	after, err := m.Profile(ctx, false)
	if err != nil {
		return r, err
	}
	if r.flops = after.FLOPs - before.FLOPs; r.flops <= 0 {
		r.flops = charged
	}
	return r, nil
}

type cost struct {
	tokens int64
	flops  float64
}

// sampleGroup feeds the prompts of problems [from,to) once and decodes n samples of each. A problem's samples live in forks of
// its prompt's state; where n is more than may be decoded together, the forks are rewound to the prompt and used again.
func sampleGroup(ctx context.Context, m family.Model, card family.Card, task Problems, s Sampling, from, to, n, parallel int) (out [][]sample, c cost, err error) {
	var open []family.StateID
	defer func() {
		if len(open) > 0 {
			closeStates(ctx, m, open, &err)
		}
	}()
	problems := make([]Problem, 0, to-from)
	roots, err := m.Open(ctx, to-from)
	if err != nil {
		return nil, c, err
	}
	open = append(open, roots...)
	items := make([]family.ExtendItem, 0, to-from)
	for i := from; i < to; i++ {
		p := task.Problem(i)
		problems = append(problems, p)
		items = append(items, family.ExtendItem{State: roots[i-from], Tokens: p.Prompt})
		c.tokens += int64(len(p.Prompt))
		c.flops += flopsAt(card, len(p.Prompt), func(x family.Cost) float64 { return x.PrefillFLOPs }) * float64(len(p.Prompt))
	}
	logits, width, err := feed(ctx, m, items)
	if err != nil {
		return nil, c, err
	}
	slots := min(n, parallel) // states of one problem
	states := make([][]family.StateID, len(problems))
	for i := range problems {
		states[i] = roots[i : i+1]
		if slots > 1 {
			again := make([]family.StateID, slots-1)
			for k := range again {
				again[k] = roots[i]
			}
			forks, err := m.Fork(ctx, again)
			if err != nil {
				return nil, c, err
			}
			open = append(open, forks...)
			states[i] = append(append([]family.StateID(nil), states[i]...), forks...)
		}
	}
	out = make([][]sample, len(problems))
	for done := 0; done < n; done += slots {
		var streams []*stream
		for i := range problems {
			for j := range min(slots, n-done) {
				st := &stream{problem: i, state: states[i][j], rng: source(s.Seed, from+i, done+j)}
				st.draw(logits[i*width:(i+1)*width], s)
				streams = append(streams, st)
			}
		}
		fed, err := decode(ctx, m, streams, s)
		c.tokens += fed
		if err != nil {
			return nil, c, err
		}
		for _, st := range streams {
			p := problems[st.problem]
			answer, ok := p.Check(st.tokens)
			out[st.problem] = append(out[st.problem], sample{answer, ok})
			for t := range st.fed {
				c.flops += flopsAt(card, len(p.Prompt)+t, func(x family.Cost) float64 { return x.DecodeFLOPs })
			}
			if done+slots < n && st.fed > 0 {
				if err := m.Rewind(ctx, st.state, st.fed); err != nil {
					return nil, c, err
				}
			}
		}
	}
	return out, c, nil
}

// decode runs streams in lockstep until each is done or full, and answers the number of tokens fed.
func decode(ctx context.Context, m family.Model, streams []*stream, s Sampling) (fed int64, err error) {
	live := append([]*stream(nil), streams...)
	for {
		live = keep(live, func(st *stream) bool { return !st.done && len(st.tokens) < s.MaxTokens })
		if len(live) == 0 {
			return fed, nil
		}
		items := make([]family.ExtendItem, len(live))
		for i, st := range live {
			items[i] = family.ExtendItem{State: st.state, Tokens: st.tokens[len(st.tokens)-1:]}
			st.fed++
		}
		logits, width, err := feed(ctx, m, items)
		if err != nil {
			return fed, err
		}
		fed += int64(len(items))
		for i, st := range live {
			st.draw(logits[i*width:(i+1)*width], s)
		}
	}
}

func keep(s []*stream, want func(*stream) bool) []*stream {
	out := s[:0]
	for _, st := range s {
		if want(st) {
			out = append(out, st)
		}
	}
	return out
}

// flopsAt answers a card's cost at length t, linear between the lengths that the card states and constant outside.
func flopsAt(card family.Card, t int, of func(family.Cost) float64) float64 {
	var below, above *family.Cost
	for i := range card.Costs {
		c := &card.Costs[i]
		if c.T <= t && (below == nil || c.T > below.T) {
			below = c
		}
		if c.T >= t && (above == nil || c.T < above.T) {
			above = c
		}
	}
	switch {
	case below == nil && above == nil:
		return 0
	case below == nil:
		return of(*above)
	case above == nil || above.T == below.T:
		return of(*below)
	}
	f := float64(t-below.T) / float64(above.T-below.T)
	return of(*below) + f*(of(*above)-of(*below))
}
