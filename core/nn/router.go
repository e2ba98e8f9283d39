package nn

import (
	"math"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/tensor"
)

// Router says how tokens choose experts. Dimensions: M tokens, E experts, K experts a token.
type Router struct {
	K int
	// Sigmoid scores each expert by itself (DeepSeek-V3); otherwise scores are a softmax over the experts.
	Sigmoid bool
	// Normalize divides the chosen scores by their sum. With K=1 gates are then Scale whatever the logits, which get no
	// gradient.
	Normalize bool
	// Scale multiplies the gates; 0 means 1.
	Scale float32
	// Capacity limits an expert to ceil(Capacity·M·K/E) tokens of a training run (GShard): first choices are seated
	// first, then by row, and what finds no seat is dropped. 0 means no limit. Scoring and decoding never drop.
	Capacity float64
}

// Routing is where each token goes and how much each of its experts counts.
type Routing struct {
	Gates  *Node // [M,K] by descending score (plus bias)
	logits *Node // [M,E]
	kept   *Node // [M,K] int32: the expert, or -1 where the token was dropped
	scores *Node // [M,E]
	load   *Node // [E] tokens that chose each expert, dropped ones included
	cfg    route
	graph  *Graph
}

// Route picks for each row of logits [M,E] its K best experts by score, plus bias [E] if that is not nil: the bias moves the
// choice and never the gates (Wang et al. 2024; DeepSeek-V3, eq. 16).
func (g *Graph) Route(logits, bias *Node, r Router) Routing {
	wantShape("route", "logits", logits, -1, -1)
	m, e := logits.Shape()[0], logits.Shape()[1]
	if r.K < 1 || r.K > e {
		Fail("route", "K=%d of E=%d experts", r.K, e)
	}
	if r.Scale == 0 {
		r.Scale = 1
	}
	k := route{E: e, Router: r, Train: g.mode == Training}
	if !k.Train {
		k.Capacity = 0
	}
	in := []*Node{logits}
	if bias != nil {
		wantShape("route", "bias", bias, e)
		in = append(in, bias)
	}
	gates := Apply(k, []int{m, r.K}, in...)
	kept, err := engine.SavedInts(gates, routeKept, m, r.K)
	if err != nil {
		Fail("route", "%v", err)
	}
	return Routing{
		Gates:  gates,
		logits: logits,
		kept:   kept,
		scores: SavedNode(gates, routeScores, m, e),
		load:   SavedNode(gates, routeLoad, e),
		cfg:    k,
		graph:  g,
	}
}

// Load is the number of tokens that chose each expert, [E].
func (r Routing) Load() *Node { return r.load }

// Imbalance is the load of the busiest expert over the mean load: 1 is perfect balance, E the worst.
func (r Routing) Imbalance() *Node { return SavedNode(r.Gates, routeImbalance) }

// Entropy is the mean over tokens of the entropy of their normalised scores, in nats: 0 for a router that is sure,
// log(E) for one that does not care.
func (r Routing) Entropy() *Node { return SavedNode(r.Gates, routeEntropy) }

// Dropped is the share of assignments that found no seat.
func (r Routing) Dropped() *Node { return SavedNode(r.Gates, routeDropped) }

// What route saves.
const (
	routeChosen    = iota // [M,K] int32
	routeKept             // [M,K] int32: chosen, or -1 where dropped
	routeScores           // [M,E]
	routeLoad             // [E]
	routeImbalance        // the metrics are computed in training only
	routeEntropy
	routeDropped
)

type route struct {
	E int
	Router
	Train bool
}

func (route) Name() string { return "route" }

func (k route) Layout(in []tensor.Shape) engine.Layout {
	m := in[0][0]
	return engine.Layout{
		Saved: []engine.Extent{
			routeChosen: {Len: m * k.K, Int: true}, routeKept: {Len: m * k.K, Int: true},
			routeScores: {Len: m * k.E}, routeLoad: {Len: k.E},
			routeImbalance: {Len: 1}, routeEntropy: {Len: 1}, routeDropped: {Len: 1},
		},
		Scratch: m * k.E,
	}
}

func (k route) Bind(b engine.Binding) (engine.Kernel, error) {
	logits, gates := b.In[0].F32, b.Out.F32
	var bias []float32
	if len(b.In) == 2 {
		bias = b.In[1].F32
	}
	chosen, kept, scores, load := b.Saved[routeChosen].I32, b.Saved[routeKept].I32, b.Saved[routeScores].F32, b.Saved[routeLoad].F32
	seats := make([]int32, k.E)
	return func(r *engine.Run) {
		m := r.Rows
		if k.Sigmoid {
			kernel.Sigmoid(b.Pool, scores[:m*k.E], logits[:m*k.E])
		} else {
			kernel.SoftmaxRows(b.Pool, scores, logits, m, k.E)
		}
		by := scores
		if bias != nil {
			by = b.Scratch
			kernel.AddBias(b.Pool, by, scores, bias, m, k.E)
		}
		kernel.TopK(b.Pool, chosen, by, m, k.E, k.K)
		k.gates(gates, scores, chosen, m)
		copy(kept[:m*k.K], chosen[:m*k.K])
		r.FLOPs += RouteFLOPs(m, k.E, k.K)
		if !k.Train {
			return
		}
		countLoad(load, chosen[:m*k.K])
		dropped := 0
		if k.Capacity > 0 {
			dropped = k.seat(kept, seats, m)
		}
		b.Saved[routeImbalance].F32[0] = imbalance(load)
		b.Saved[routeEntropy].F32[0] = k.entropy(logits, scores, m)
		b.Saved[routeDropped].F32[0] = float32(dropped) / float32(max(1, m*k.K))
	}, nil
}

// gates sets gates [M,K] from the scores of the chosen experts.
func (k route) gates(gates, scores []float32, chosen []int32, m int) {
	for i := range m {
		row, picks, out := scores[i*k.E:(i+1)*k.E], chosen[i*k.K:(i+1)*k.K], gates[i*k.K:(i+1)*k.K]
		sum := float32(0)
		for j, e := range picks {
			out[j] = row[e]
			sum += row[e]
		}
		scale := k.Scale
		if k.Normalize && sum < leastSum {
			for j := range out {
				out[j] = scale / float32(k.K)
			}
			continue
		}
		if k.Normalize {
			scale /= sum
		}
		for j := range out {
			out[j] *= scale
		}
	}
}

// leastSum is the sum of chosen scores below which they count as equal, and their gates as constants: a bias may choose
// experts whose scores underflow, and what is left of those has no proportions. It is far from where 1/sum overflows.
const leastSum = 1e-30

// seat marks with -1 the assignments past each expert's capacity and answers how many there were.
func (k route) seat(kept, seats []int32, m int) int {
	capacity := int32(math.Ceil(k.Capacity * float64(m*k.K) / float64(k.E)))
	clear(seats)
	dropped := 0
	for j := range k.K {
		for i := range m {
			e := kept[i*k.K+j]
			if seats[e] == capacity {
				kept[i*k.K+j] = -1
				dropped++
				continue
			}
			seats[e]++
		}
	}
	return dropped
}

func countLoad(load []float32, chosen []int32) {
	clear(load)
	for _, e := range chosen {
		load[e]++
	}
}

func imbalance(load []float32) float32 {
	most, sum := float32(0), float32(0)
	for _, n := range load {
		most, sum = max(most, n), sum+n
	}
	if sum == 0 {
		return 0
	}
	return most * float32(len(load)) / sum
}

// entropy is the mean over rows of -Σ p log p with p the row of scores [M,E] divided by its sum.
func (k route) entropy(logits, scores []float32, m int) float32 {
	total := 0.0
	for i := range m {
		x, s := logits[i*k.E:(i+1)*k.E], scores[i*k.E:(i+1)*k.E]
		if !k.Sigmoid { // p is exp(x - top) over its sum, which is 1/p of the greatest logit
			top := greatest(x)
			dot := 0.0
			for e, v := range s {
				if v > 0 {
					dot += float64(v) * float64(x[e]-x[top])
				}
			}
			total += -math.Log(float64(s[top])) - dot
			continue
		}
		sum, dot := 0.0, 0.0
		for _, v := range s {
			if v > 0 {
				sum += float64(v)
				dot += float64(v) * math.Log(float64(v))
			}
		}
		if sum > 0 {
			total += math.Log(sum) - dot/sum
		}
	}
	return float32(total / float64(max(1, m)))
}

// RouteFLOPs counts scores, choice and gates: one exponential and a comparison an expert, a few operations a choice.
func RouteFLOPs(m, e, k int) float64 { return float64(m) * float64(5*e+3*k) }

// RouteBackwardFLOPs counts the backward pass of Route.
func RouteBackwardFLOPs(m, e, k int) float64 { return float64(m) * float64(4*e+7*k) }
