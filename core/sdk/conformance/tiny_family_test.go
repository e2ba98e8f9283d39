package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sort"

	"github.com/archlab/archlab/core/family"
)

// tinyFamily is an honest family in plain Go, as small as a family can be that keeps every promise: token embeddings, one
// linear recurrence with a learned decay a head, one tanh MLP, an output projection, and optional heads that draft later
// tokens. It computes in float64 and keeps its weights and moments in float32.
//
//	h_t = sigmoid(decay) * h_{t-1} + mix x_t ; z_t = x_t + h_t ; y_t = z_t + down tanh(up z_t + bias) ; logits = out y_t
//
// A fault breaks one property on purpose: the suite must notice it, and notice nothing else.
type tinyFamily struct {
	fault  fault
	builds uint64 // counts builds: what a clock would be to the faults that need one
	first  *tinyModel
}

func newTiny(f fault) *tinyFamily { return &tinyFamily{fault: f} }

// tinyConfig's keys, in the schema's order.
type tinyConfig struct {
	Width  int     `json:"width"`  // D
	Heads  int     `json:"heads"`  // decays; divides the width
	Hidden int     `json:"hidden"` // F
	Drafts int     `json:"drafts"` // heads for tokens after the next
	Aux    float64 `json:"aux"`    // coefficient of an auxiliary loss, the mean square of z
	Act    string  `json:"act"`    // "tanh", "none", or "switch": a unit below a threshold is off, as an expert that is not chosen
}

const tinySchema = `{
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "width": {"type": "integer", "minimum": 2, "maximum": 512, "default": 16},
    "heads": {"type": "integer", "minimum": 1, "maximum": 64, "default": 2},
    "hidden": {"type": "integer", "minimum": 1, "maximum": 4096, "default": 24},
    "drafts": {"type": "integer", "minimum": 0, "maximum": 4, "default": 0},
    "aux": {"type": "number", "minimum": 0, "maximum": 10, "default": 0},
    "act": {"type": "string", "enum": ["tanh", "switch", "none"], "default": "tanh"},
    "preset": {"type": "string", "enum": ["linear"]}
  },
  "examples": [{"width": 12, "heads": 3}],
  "x-archlab-plain": {"aux": 0}
}`

func (f *tinyFamily) Describe(context.Context) (family.Description, error) {
	d := family.Description{
		Name: "tiny", Version: "1.0.0", Summary: "A decayed linear recurrence with a tanh MLP.",
		Papers:       []family.Paper{{Title: "Finding structure in time", URL: "https://doi.org/10.1207/s15516709cog1402_1"}},
		ConfigSchema: json.RawMessage(tinySchema), Presets: map[string]string{"linear": "without the tanh"},
		Capabilities: family.Capabilities{Decode: true, DraftHeads: true, Precisions: []family.Precision{family.FP32},
			Optimizers: []string{family.AdamW, family.Muon, family.Lion, family.SGD}, Recompute: []string{family.RecomputeBlock}},
		Knob: family.Knob{Field: "width", Min: 4, Max: 512, Step: 4},
	}
	switch f.fault {
	case versionMissing:
		d.Version = ""
	case defaultOutOfRange:
		d.ConfigSchema = bytes.Replace(d.ConfigSchema, []byte(`"default": 24`), []byte(`"default": 5000`), 1)
	case presetUnknown:
		d.Presets["cubic"] = "announced, not there"
	case knobUnknown:
		d.Knob.Field = "breadth"
	case announcesQuantize:
		d.Capabilities.Quantize = []string{"int8"}
	}
	return d, nil
}

func (f *tinyFamily) parse(raw json.RawMessage) (tinyConfig, error) {
	bad := func(field, format string, args ...any) error {
		return family.Errorf(family.InvalidConfig, field, format, args...)
	}
	c := tinyConfig{Width: 16, Heads: 2, Hidden: 24, Act: "tanh"}
	given := map[string]json.RawMessage{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&given); err != nil || given == nil {
		return c, bad("", "config is not an object: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return c, bad("", "config goes on after its object")
	}
	if p, ok := given["preset"]; ok {
		if string(p) != `"linear"` {
			return c, bad("preset", "got %s, want linear", p)
		}
		c.Act = "none"
	}
	var keys []string
	for k := range given {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	fields := map[string]any{"width": &c.Width, "heads": &c.Heads, "hidden": &c.Hidden, "drafts": &c.Drafts, "aux": &c.Aux, "act": &c.Act}
	for _, k := range keys {
		target, ok := fields[k]
		if !ok && k != "preset" && f.fault != acceptsUnknownKey {
			return c, bad(k, "unknown key; the nearest is width")
		}
		if ok {
			if err := json.Unmarshal(given[k], target); err != nil {
				return c, bad(k, "%v", err)
			}
		}
	}
	for _, r := range []struct {
		key       string
		x, lo, hi float64
	}{
		{"width", float64(c.Width), 2, 512}, {"heads", float64(c.Heads), 1, 64}, {"hidden", float64(c.Hidden), 1, 4096},
		{"drafts", float64(c.Drafts), 0, 4}, {"aux", c.Aux, 0, 10},
	} {
		if f.fault == acceptsOutOfRange && r.key == "hidden" {
			continue
		}
		if !(r.x >= r.lo && r.x <= r.hi) {
			return c, bad(r.key, "got %v, want %v to %v", r.x, r.lo, r.hi)
		}
	}
	if c.Act != "tanh" && c.Act != "none" && c.Act != "switch" {
		return c, bad("act", "got %q, want tanh, switch or none", c.Act)
	}
	if c.Width%c.Heads != 0 {
		return c, bad("heads", "width %d is not divisible by heads %d", c.Width, c.Heads)
	}
	return c, nil
}

func (f *tinyFamily) Build(ctx context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	if err := ctx.Err(); err != nil {
		return nil, family.Card{}, err
	}
	c, err := f.parse(req.Config)
	switch {
	case err != nil:
		return nil, family.Card{}, err
	case req.Vocab < 1:
		return nil, family.Card{}, family.Errorf(family.InvalidArgument, "vocab", "got %d, want at least 1", req.Vocab)
	case req.Context < 0:
		return nil, family.Card{}, family.Errorf(family.InvalidArgument, "context", "got %d, want at least 0", req.Context)
	case req.Recompute != "" && req.Recompute != family.RecomputeBlock:
		return nil, family.Card{}, family.Errorf(family.InvalidArgument, "recompute", "got %q, want block", req.Recompute)
	case req.Precision != "" && req.Precision != family.FP32:
		return nil, family.Card{}, family.Errorf(family.InvalidArgument, "precision", "got %q, want fp32", req.Precision)
	}
	m := &tinyModel{fault: f.fault, c: c, v: req.Vocab, threads: req.Threads, context: req.Context}
	if f.fault == recomputeChangesBits {
		m.threads = len(req.Recompute) // 0 or above 1
	}
	m.shapes()
	card := family.Card{
		Family: "tiny", Vocab: req.Vocab, Precision: family.FP32, DraftHeads: c.Drafts, Embedding: int64(req.Vocab * c.Width),
	}
	card.Config, _ = json.Marshal(c) // plain fields always encode
	for _, p := range m.params {
		card.Tensors = append(card.Tensors, family.TensorInfo{Name: p.name, Shape: p.shape, DType: "F32", Matrices: p.matrices()})
		card.Parameters += int64(p.n)
	}
	card.Optimizers = m.optimizers()
	card.ActiveParameters = card.Parameters - int64(c.Drafts*c.Width*req.Vocab)
	if f.fault == cardOffByOneTensor {
		card.Parameters -= int64(m.params[4].n)
	}
	if f.fault == cardTensorMissing {
		card.Parameters -= int64(m.params[4].n)
		card.Tensors = append(card.Tensors[:4:4], card.Tensors[5:]...)
	}
	switch f.fault {
	case activeAboveTotal:
		card.ActiveParameters = card.Parameters + 1
	case activeUnderstated:
		card.ActiveParameters = card.ActiveParameters * 7 / 10
	case activeLacksOutput:
		card.ActiveParameters -= int64(m.params[out].n)
	case activeCountsDrafts:
		card.ActiveParameters = card.Parameters
	}
	for i, t := range req.Lengths {
		if t < 1 {
			return nil, family.Card{}, family.Errorf(family.InvalidArgument, fmt.Sprintf("lengths[%d]", i), "got %d, want at least 1", t)
		}
		card.Costs = append(card.Costs, m.cost(t))
	}
	if req.CardOnly {
		if f.fault == cardOnlyDiffers {
			card.Costs = nil
		}
		return nil, card, nil
	}
	seed := req.Seed
	f.builds++
	switch f.fault {
	case seedFromClock:
		seed = f.builds
	case seedIgnored:
		seed = 7
	}
	m.init(rand.New(rand.NewPCG(seed, 99)))
	m.seed = f.builds
	if f.fault == sharedWeights {
		m.shareWith(f)
	}
	return m, card, nil
}

// cost counts by formula what the model counts as it runs.
func (m *tinyModel) cost(t int) family.Cost {
	d, f, v, drafts := float64(m.c.Width), float64(m.c.Hidden), float64(m.v), float64(m.c.Drafts)
	trunk := 2*d*d + 4*d*f + 5*d + 2*f
	logits := 2 * d * v
	total := 0.0
	for _, p := range m.params {
		total += float64(p.n)
	}
	heads := 1.0 // heads a token in training: the k-th draft head has no target for the last k tokens
	for k := range int(drafts) {
		heads += float64(max(t-k-1, 0)) / float64(t)
	}
	c := family.Cost{
		T: t, TrainFLOPs: 3*trunk + 3*logits*heads, PrefillFLOPs: trunk + logits, DecodeFLOPs: trunk + logits,
		StateBytes: int64(8 * m.c.Width),
	}
	switch m.fault {
	case trainFLOPsOff:
		c.TrainFLOPs *= 1.1
	case prefillFLOPsOff:
		c.PrefillFLOPs *= 0.9
	case decodeFLOPsOff:
		c.DecodeFLOPs *= 1.1
	case stateBytesOff:
		c.StateBytes /= 8
	}
	return c
}

// param is one tensor with its gradient and moments.
type param struct {
	name  string
	shape []int
	n     int
	w     []float32
	g     []float64
	m, v  []float32
}

// The parameters' places in tinyModel.params; draft heads follow.
const (
	embed = iota // [V,D]
	decay        // [H]
	mix          // [D,D]
	up           // [F,D]
	bias         // [F]
	down         // [D,F]
	out          // [V,D]
)

func (m *tinyModel) shapes() {
	d, f, v := m.c.Width, m.c.Hidden, m.v
	add := func(name string, shape ...int) {
		n := 1
		for _, x := range shape {
			n *= x
		}
		m.params = append(m.params, &param{name: name, shape: shape, n: n})
	}
	add("embed", v, d)
	add("decay", m.c.Heads)
	add("mix", d, d)
	add("up", f, d)
	add("bias", f)
	add("down", d, f)
	add("out", v, d)
	for k := range m.c.Drafts {
		add(fmt.Sprintf("draft.%d", k), v, d)
	}
}

func (m *tinyModel) init(rng *rand.Rand) {
	for i, p := range m.params {
		p.w, p.g = make([]float32, p.n), make([]float64, p.n)
		p.m, p.v = make([]float32, p.n), make([]float32, p.n)
		std := 1 / math.Sqrt(float64(m.c.Width))
		for j := range p.w {
			switch i {
			case bias:
			case decay:
				p.w[j] = float32(1 + rng.Float64())
			case embed:
				p.w[j] = float32(rng.NormFloat64())
			default:
				p.w[j] = float32(std * rng.NormFloat64())
			}
		}
	}
	m.states = map[family.StateID]*tinyState{}
}
