package conformance_test

import (
	"math"
	"sync"
	"time"

	"github.com/archlab/archlab/core/family"
)

// tinyModel is a built model. Dimensions: D width, H heads, F hidden, V vocabulary, T tokens of one document.
type tinyModel struct {
	mu      sync.Mutex // one call at a time
	scratch []*tape    // of a fault
	fault   fault
	c       tinyConfig
	v       int
	threads int
	context int
	seed    uint64
	params  []*param
	steps   int
	by      string // the optimizer of the last step
	states  map[family.StateID]*tinyState
	next    family.StateID
	gone    bool
	profile [3]tinyOp // forward, backward, update
	busy    time.Duration
}

type tinyOp struct {
	calls int64
	flops float64
	took  time.Duration
}

// tinyState is what decoding carries: the recurrence, and the tokens from which Rewind replays it.
type tinyState struct {
	h      []float64 // [D]
	tokens []int32
}

// tape is what one token's forward pass leaves for the backward pass.
type tape struct {
	token      int32
	before     []float64 // [D] h of the token before
	x, h, z, y []float64 // [D]
	act        []float64 // [F] tanh of the MLP
	dy         []float64 // [D]
}

// matvec adds w x to y: w [rows,len(x)].
func matvec(y []float64, w []float32, x []float64) {
	n := len(x)
	for i := range y {
		s := 0.0
		for j, v := range x {
			s += float64(w[i*n+j]) * v
		}
		y[i] += s
	}
}

// matvecBackward adds the outer product dy x' to g and w' dy to dx.
func matvecBackward(dx, g []float64, dy []float64, w []float32, x []float64) {
	n := len(x)
	for i, d := range dy {
		for j := range x {
			g[i*n+j] += d * x[j]
			dx[j] += d * float64(w[i*n+j])
		}
	}
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// head answers the decay's index of a channel.
func (m *tinyModel) head(channel int) int { return channel / (m.c.Width / m.c.Heads) }

// forward runs one token after h and leaves h as it was.
func (m *tinyModel) forward(token int32, h []float64) *tape {
	d, f, p := m.c.Width, m.c.Hidden, m.params
	if m.fault == ignoresContext {
		h = make([]float64, d)
	}
	t := &tape{token: token, before: h, x: make([]float64, d), h: make([]float64, d), z: make([]float64, d), y: make([]float64, d), act: make([]float64, f)}
	for i := range d {
		t.x[i] = float64(p[embed].w[int(token)*d+i])
		t.h[i] = sigmoid(float64(p[decay].w[m.head(i)])) * h[i]
	}
	matvec(t.h, p[mix].w, t.x)
	for i := range d {
		t.z[i] = t.x[i] + t.h[i]
	}
	for i := range f {
		t.act[i] = float64(p[bias].w[i])
	}
	matvec(t.act, p[up].w, t.z)
	for i, x := range t.act {
		switch {
		case m.c.Act == "tanh":
			t.act[i] = math.Tanh(x)
		case m.c.Act == "switch" && x < 0.2:
			t.act[i] = 0 // a jump by 0.2
		}
	}
	copy(t.y, t.z)
	matvec(t.y, p[down].w, t.act)
	m.profile[0].flops += float64(2*d*d + 4*d*f + 5*d + 2*f)
	return t
}

// logits answers a projection of y [D] -> [V].
func (m *tinyModel) logits(y []float64, projection *param) []float64 {
	l := make([]float64, m.v)
	matvec(l, projection.w, y)
	m.profile[0].flops += float64(2 * len(y) * m.v)
	return l
}

// softmax answers the log-probabilities of logits, and the argmax.
func softmax(logits []float64) (logp []float64, best int) {
	for i, x := range logits {
		if x > logits[best] {
			best = i
		}
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(x - logits[best])
	}
	logp = make([]float64, len(logits))
	for i, x := range logits {
		logp[i] = x - logits[best] - math.Log(sum)
	}
	return logp, best
}

// lossBackward adds a head's weighted gradient to its projection and to dy.
func (m *tinyModel) lossBackward(t *tape, projection *param, logp []float64, target int32, weight float64) {
	d := make([]float64, len(logp))
	for i, l := range logp {
		d[i] = weight * math.Exp(l)
	}
	d[target] -= weight
	matvecBackward(t.dy, projection.g, d, projection.w, t.y)
	m.profile[1].flops += float64(4 * len(t.y) * m.v)
}

// backward runs a document's tapes from the last to the first and adds to the gradients. auxiliary is dTotal/dz = auxiliary*z.
func (m *tinyModel) backward(tapes []*tape, auxiliary float64) {
	d, f, p := m.c.Width, m.c.Hidden, m.params
	carry := make([]float64, d) // dTotal/dh_t through later tokens
	for n := len(tapes) - 1; n >= 0; n-- {
		t := tapes[n]
		dact, dz, dx := make([]float64, f), append([]float64(nil), t.dy...), make([]float64, d)
		matvecBackward(dact, p[down].g, t.dy, p[down].w, t.act)
		for i := range dact {
			switch {
			case m.c.Act == "tanh":
				dact[i] *= 1 - t.act[i]*t.act[i]
			case m.c.Act == "switch" && t.act[i] == 0:
				dact[i] = 0
			}
			p[bias].g[i] += dact[i]
		}
		matvecBackward(dz, p[up].g, dact, p[up].w, t.z)
		for i := range dz {
			dz[i] += auxiliary * t.z[i]
			dx[i] = dz[i]
			dh := dz[i] + carry[i]
			a := sigmoid(float64(p[decay].w[m.head(i)]))
			p[decay].g[m.head(i)] += dh * t.before[i] * a * (1 - a)
			carry[i] = a * dh
			dz[i] = dh // from here on: the gradient of mix x
		}
		matvecBackward(dx, p[mix].g, dz, p[mix].w, t.x)
		for i := range dx {
			p[embed].g[int(t.token)*d+i] += dx[i]
		}
		m.profile[1].flops += 2 * float64(2*d*d+4*d*f+5*d+2*f)
	}
}

// documents cuts a batch into the index ranges of its documents.
func (m *tinyModel) documents(b family.Batch) [][2]int {
	begins := map[int]bool{}
	for r := range b.B {
		begins[r*b.T] = true
	}
	if m.fault != startsIgnored {
		for _, s := range b.Starts {
			begins[int(s)] = true
		}
	}
	var docs [][2]int
	for i := range b.B * b.T {
		if begins[i] {
			docs = append(docs, [2]int{i, i})
		}
		docs[len(docs)-1][1] = i + 1
	}
	return docs
}

// run is the forward pass over a batch: one tape a position, documents as ranges.
func (m *tinyModel) run(b family.Batch) ([]*tape, [][2]int) {
	tapes, docs := make([]*tape, b.B*b.T), m.documents(b)
	for _, doc := range docs {
		h := make([]float64, m.c.Width)
		m.disturb(b, doc, h)
		for i := doc[0]; i < doc[1]; i++ {
			tapes[i] = m.forward(b.Tokens[i], h)
			h = tapes[i].h
		}
	}
	return tapes, docs
}
