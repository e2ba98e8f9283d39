package model

import (
	"errors"
	"math/bits"
	"time"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// shape is what a plan was compiled for.
type shape struct {
	mode nn.Mode
	rows int
}

// plan is a compiled graph with the nodes that the model reads.
type plan struct {
	*engine.Plan
	g       *nn.Graph
	out     nn.Output
	tokens  []int32
	targets []int32
	weights []float32

	loss   []float32p // Training: [2] of each head
	logp   []float32  // Scoring
	right  []int32
	logits []float32   // Decoding: [M,V], row j of Run.Select[j]
	drafts [][]float32 // Drafting: the same for each head
	aux    []float32p
	metric []float32p
	update []engine.Buffer
	used   int64 // for eviction
}

// float32p is a scalar of the plan, or a few.
type float32p []float32

// planCache keeps compiled plans by shape, the most recently used of each mode.
type planCache struct {
	plans map[shape]*plan
	clock int64
}

// keep is the number of plans kept for training and for scoring, whose arenas are large. Those for decoding number at
// most nine for each mode.
const keep = 3

// plan answers the plan for a shape, compiling it on first use for sequences of the given length: later ones may be longer.
func (m *lm) plan(mode nn.Mode, rows, longest int) (*plan, error) {
	c := &m.plans
	c.clock++
	key := shape{mode, rows}
	if p := c.plans[key]; p != nil {
		p.used = c.clock
		return p, nil
	}
	start := time.Now()
	var p *plan
	err := building(func() (err error) {
		p, err = m.compile(mode, rows, longest)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.usage.ops.Add(engine.OpStat{Op: "compile", Calls: 1, Nanoseconds: int64(time.Since(start))})
	if c.plans == nil {
		c.plans = map[shape]*plan{}
	}
	m.evict(mode)
	p.used = c.clock
	c.plans[key] = p
	m.usage.arena = max(m.usage.arena, p.ArenaBytes())
	return p, nil
}

// evict drops the least recently used plan of a mode when there are too many.
func (m *lm) evict(mode nn.Mode) {
	if mode.Recurrent() {
		return
	}
	var oldest *plan
	var at shape
	n := 0
	for k, p := range m.plans.plans {
		if k.mode != mode {
			continue
		}
		n++
		if oldest == nil || p.used < oldest.used {
			oldest, at = p, k
		}
	}
	if n >= keep {
		oldest.Profile(m.usage.ops, true)
		delete(m.plans.plans, at)
	}
}

func (m *lm) compile(mode nn.Mode, rows, longest int) (*plan, error) {
	g := nn.NewGraph(rows, mode)
	if mode == nn.Training && m.scaled() {
		g.ScaleLoss()
	}
	p := &plan{g: g, out: m.arch.Forward(g)}
	opts := engine.Options{Params: m.params, Pool: m.pool, Capacity: rows, KeepDerived: mode != nn.Training, Limit: m.memory, Precision: m.precision(), Sequence: longest}
	var outputs []*nn.Node
	var loss nn.LossNodes
	var scores nn.ScoreNodes
	var logits []*nn.Node
	switch mode {
	case nn.Training:
		if m.blocks {
			opts.Recompute = g.Blocks()
		}
		m.params.Train()
		loss = nn.Loss(g, p.out)
		outputs = append(append(outputs, loss.Total), loss.Heads...)
		opts.BackwardAfter = loss.BackwardAfter
		for _, x := range p.out.Aux {
			outputs = append(outputs, x.Node)
		}
		for _, x := range p.out.Metrics {
			outputs = append(outputs, x.Node)
		}
		for _, x := range p.out.Updates {
			outputs = append(outputs, x.Signal)
		}
		var err error
		if opts.Grads, opts.Backward, err = gradients(g, loss.Total); err != nil {
			return nil, err
		}
	case nn.Scoring:
		scores = nn.Score(g, p.out)
		outputs = append(outputs, scores.LogProbs, scores.Correct)
	default:
		logits = append(logits, nn.Logits(g, p.out.Hidden, p.out.Projection))
		if mode == nn.Drafting {
			for _, h := range p.out.Heads {
				logits = append(logits, nn.Logits(g, h.Hidden, h.Projection))
			}
		}
		outputs = append(outputs, logits...)
	}
	var err error
	p.Plan, err = engine.Compile(g.Expr(), outputs, opts)
	var large *engine.MemoryError
	if errors.As(err, &large) {
		return nil, family.Errorf(family.Exhausted, "batch", "%d tokens in one run need %d MiB for activations, the machine has %d MiB", rows, large.Need>>20, large.Limit>>20)
	}
	if err != nil {
		return nil, family.Errorf(family.Internal, "", "%v", err)
	}
	if opts.Recompute != nil {
		opts.Recompute = nil
		kept, err := engine.ArenaBytes(g.Expr(), outputs, opts)
		if err != nil {
			return nil, family.Errorf(family.Internal, "", "%v", err)
		}
		m.usage.again.ArenaBytes = max(m.usage.again.ArenaBytes, p.ArenaBytes())
		m.usage.again.KeptArenaBytes = max(m.usage.again.KeptArenaBytes, kept)
	}
	p.bind(loss, scores, logits)
	return p, nil
}

// gradients differentiates total by every parameter that has a gradient.
func gradients(g *nn.Graph, total *nn.Node) ([]engine.Gradient, int64, error) {
	var names []string
	var nodes []*nn.Node
	for _, s := range g.Params() {
		if !s.Buffer {
			names, nodes = append(names, s.Name), append(nodes, s.Node)
		}
	}
	list, backward, err := engine.Differentiate(total, names, nodes)
	if err != nil {
		return nil, 0, family.Errorf(family.Internal, "", "%v", err)
	}
	return list, backward, nil
}

// bind finds the memory of the nodes that the model reads and writes.
func (p *plan) bind(loss nn.LossNodes, scores nn.ScoreNodes, logits []*nn.Node) {
	at := func(n *nn.Node) engine.Buffer {
		b, _ := p.Buffer(n)
		return b
	}
	in := func(name string) engine.Buffer {
		b, _ := p.Input(name)
		return b
	}
	p.tokens, p.targets, p.weights = in("tokens").I32, in("targets").I32, in("weights").F32
	if loss.Total != nil {
		for _, x := range loss.Heads {
			p.loss = append(p.loss, at(x).F32)
		}
		for _, x := range p.out.Aux {
			p.aux = append(p.aux, at(x.Node).F32)
		}
		for _, x := range p.out.Metrics {
			p.metric = append(p.metric, at(x.Node).F32)
		}
		for _, x := range p.out.Updates {
			p.update = append(p.update, at(x.Signal))
		}
	}
	if scores.LogProbs != nil {
		p.logp, p.right = at(scores.LogProbs).F32, at(scores.Correct).I32
	}
	for i, n := range logits {
		if i == 0 {
			p.logits = at(n).F32
		} else {
			p.drafts = append(p.drafts, at(n).F32)
		}
	}
}

// capacity rounds a number of rows up to a power of two, so that few plans serve many lengths.
func capacity(rows int) int { return 1 << bits.Len(uint(max(rows, 1)-1)) }
