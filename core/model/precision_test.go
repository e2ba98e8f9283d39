package model

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk/conformance"
)

func buildIn(t testing.TB, p family.Precision, config string) *lm {
	t.Helper()
	m, card, err := tinyFamily().Build(background, family.BuildRequest{Config: json.RawMessage(config), Vocab: 23, Context: 64, Seed: 1, Threads: 2, Precision: p})
	if err != nil {
		t.Fatal(err)
	}
	if card.Precision != p {
		t.Errorf("the card says %q, want %q", card.Precision, p)
	}
	t.Cleanup(func() { _ = m.Release(background) })
	return m.(*lm)
}

// Everything that a model can be made of keeps its promises in 16 bits: Gorgonia's own ops, buffers, extra heads.
func TestConformanceInHalf(t *testing.T) {
	for _, p := range []family.Precision{family.BF16, family.FP16} {
		t.Run(string(p), func(t *testing.T) {
			opts := conformance.Options{Quick: true, Precision: p}
			for _, c := range []struct{ name, json, plain string }{
				{"stock ops", `{"stock":true,"aux":0.1}`, `{"aux":0}`},
				{"replayed heads", `{"extra":2,"replay":true,"window":5}`, ""},
				{"buffer", `{"buffer":true,"learned":true}`, `{"buffer":false}`},
			} {
				opts.Configs = append(opts.Configs, conformance.Config{
					Name: c.name, JSON: json.RawMessage(c.json), Plain: json.RawMessage(c.plain),
					Tolerances: map[string]conformance.Tolerance{
						"prefill-flops": {Value: 0.1, Reason: "ops of Gorgonia's own run at the plan's capacity, a power of two, not at the rows in use"},
					},
				})
			}
			conformance.Test(t, tinyFamily(), opts)
		})
	}
}

// A step whose gradients overflow is computed again at half the scale until they do not: no batch is lost, nothing is skipped, and
// the weights are those of a training that had the smaller scale from the beginning.
func TestOverflowHalvesTheScale(t *testing.T) {
	const config = `{"aux":0.1,"buffer":true}`
	m, twin := buildIn(t, family.FP16, config), buildIn(t, family.FP16, config)
	b := batch(rand.New(rand.NewPCG(1, 2)), 2, 9)
	m.scale.Scale = engine.LargestScale
	for i := range b.Weights {
		b.Weights[i] = 40
	}
	res := train(t, m, b)
	n := res.Metrics[overflowMetric]
	if res.Skipped || n < 1 || res.Metrics[scaleMetric] != m.scale.Scale || m.scale.Scale*float64(int(1)<<int(n)) != engine.LargestScale {
		t.Fatalf("skipped %v, metrics %v, scale %v: want the scale halved as often as it overflowed", res.Skipped, res.Metrics, m.scale.Scale)
	}
	twin.scale.Scale = m.scale.Scale
	again := train(t, twin, b)
	if again.Metrics[overflowMetric] != 0 || again.Loss != res.Loss || again.GradNorm != res.GradNorm {
		t.Errorf("got %+v at the smaller scale from the beginning, want %+v without an overflow", again, res)
	}
	if !bytes.Equal(saved(t, m), saved(t, twin)) {
		t.Error("weights or optimizer differ from those of the smaller scale from the beginning")
	}
}

// A model whose gradients overflow at every scale is computed no more than three times a step once it has trained, every step
// says so, and the scale that was too large stays behind.
func TestOverflowAtEveryScaleIsBounded(t *testing.T) {
	m := buildIn(t, family.FP16, `{}`)
	r := rand.New(rand.NewPCG(1, 5))
	train(t, m, batch(r, 2, 8))
	before := m.scale.Scale
	weights := func() []byte {
		var b bytes.Buffer
		if err := m.Save(background, family.Weights, &b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	was := weights()
	b := batch(r, 2, 8)
	for i := range b.Weights {
		b.Weights[i] = 1e30 // a finite loss with gradients beyond FP16 at a scale of 1
	}
	for range 3 {
		res := train(t, m, b)
		if !res.Skipped || !finite(res.Loss) || res.Metrics[overflowMetric] != engine.ScaleRepeats+1 {
			t.Fatalf("got %+v, want a finite loss and a step skipped after %d scales", res, engine.ScaleRepeats+1)
		}
		if want := before / (1 << engine.ScaleRepeats); res.Metrics[scaleMetric] != want {
			t.Fatalf("the scale is %v, want %v", res.Metrics[scaleMetric], want)
		}
		before = before / (1 << (engine.ScaleRepeats + 1))
		if m.scale != (engine.LossScale{Scale: before}) {
			t.Fatalf("the next scale is %+v, want %v", m.scale, before)
		}
	}
	if !bytes.Equal(weights(), was) {
		t.Error("a skipped step changed the weights")
	}
	for range 10 {
		train(t, m, b)
	}
	res := train(t, m, b)
	if res.Metrics[scaleMetric] != 1 || res.Metrics[overflowMetric] != 1 {
		t.Errorf("got %v, want a scale of 1 and one computation a step at last", res.Metrics)
	}
	if res := train(t, m, batch(r, 2, 8)); res.Skipped {
		t.Errorf("got %+v, want to go on with a good batch", res)
	}
}

// Nothing is gained by a scale where the loss itself is not a number, and the optimizer's part, the scale included, is left alone.
func TestSkippedStepKeepsTheScale(t *testing.T) {
	m := buildIn(t, family.FP16, `{}`)
	r := rand.New(rand.NewPCG(1, 3))
	train(t, m, batch(r, 2, 8))
	for _, p := range m.params.All() {
		for i := range p.W {
			p.W[i] *= 1e6
		}
	}
	m.params.Changed()
	before := saved(t, m)
	if res := train(t, m, batch(r, 2, 8)); !res.Skipped || res.Metrics[scaleMetric] != m.scale.Scale {
		t.Fatalf("got %+v, want a skipped step that reports the scale", res)
	}
	if !bytes.Equal(saved(t, m), before) {
		t.Error("a skipped step changed something")
	}
}

// The scale is part of the optimizer's file; files of other precisions have none, and nonsense is refused.
func TestLossScaleIsSaved(t *testing.T) {
	m := buildIn(t, family.FP16, `{}`)
	r := rand.New(rand.NewPCG(1, 4))
	train(t, m, batch(r, 2, 8))
	m.scale = engine.LossScale{Scale: 512, Good: 17}
	file := func(m *lm) []byte {
		var b bytes.Buffer
		if err := m.Save(background, family.Optimizer, &b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	held := file(m)
	other := buildIn(t, family.FP16, `{}`)
	if err := other.Load(background, family.Optimizer, bytes.NewReader(held)); err != nil {
		t.Fatal(err)
	}
	if other.scale != m.scale {
		t.Errorf("loaded %+v, want %+v", other.scale, m.scale)
	}
	full := buildIn(t, family.FP32, `{}`)
	if err := full.Load(background, family.Optimizer, bytes.NewReader(held)); err != nil {
		t.Errorf("fp32: %v, want the moments of an fp16 model to be good for it", err)
	}
	if strings.Contains(string(file(full)), scaleKey) {
		t.Error("an fp32 model saves a loss scale")
	}
	if err := other.Load(background, family.Optimizer, bytes.NewReader(file(full))); err != nil {
		t.Fatal(err)
	}
	if want := (engine.LossScale{Scale: engine.FirstScale}); other.scale != want {
		t.Errorf("loaded %+v from an fp32 model, want scaling to start anew: %+v", other.scale, want)
	}
	for _, bad := range []string{`"0.5"`, `"3.0"`, `"abc"`, `"-12"`, `"NaN"`} {
		file := bytes.Replace(held, []byte(`"512"`), []byte(bad), 1) // as long: the header's length stays true
		if err := other.Load(background, family.Optimizer, bytes.NewReader(file)); family.CodeOf(err) != family.Corrupt {
			t.Errorf("scale %s: got %v, want it refused as corrupt", bad, err)
		}
	}
}
