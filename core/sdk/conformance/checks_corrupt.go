package conformance

import (
	"bytes"
	"context"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
)

// damage is a saved file made wrong in one way.
type damage struct {
	name string
	file []byte
}

func checkCorrupt(ctx context.Context, p *probe) error {
	m, err := p.warmModel(ctx)
	if err != nil {
		return err
	}
	rng := p.rng("corrupt")
	before, err := trained(ctx, m, adam(1e-3), p.batch(rng, rows, length))
	if err != nil {
		return err
	}
	// What is loaded comes from a model that differs in every tensor, so that a half-loaded file shows.
	other, _, err := p.build(ctx, otherSeed)
	if err != nil {
		return err
	}
	foreign, err := trained(ctx, other, adam(1e-2), p.batch(rng, rows, length))
	if err != nil {
		return err
	}
	for _, part := range []family.Part{family.Weights, family.Optimizer} {
		file := foreign.weights
		if part == family.Optimizer {
			file = foreign.optimizer
		}
		cases, err := damages(part, file)
		if err != nil {
			return err
		}
		for _, c := range cases {
			what := sprintf("%s %s", part, c.name)
			p.refused(what, m.Load(ctx, part, bytes.NewReader(c.file)), "", family.Corrupt)
			after, err := trained(ctx, m, adam(1e-3))
			if err != nil {
				return err
			}
			p.same("after "+what, outcome{weights: before.weights, optimizer: before.optimizer}, after)
			if len(p.res.Failures) >= maxFailures {
				return nil
			}
		}
	}
	p.refused("an unknown part", m.Load(ctx, "soul", bytes.NewReader(before.weights)), "", family.InvalidArgument)
	p.refused("an unknown part to save", m.Save(ctx, "soul", &bytes.Buffer{}), "", family.InvalidArgument)
	return nil
}

// damages makes wrong files. Both parts are safetensors files; only the weights' tensors are known by the card, so only there
// are whole tensors tampered with.
func damages(part family.Part, file []byte) ([]damage, error) {
	n := len(file)
	cases := []damage{
		{"empty", nil},
		{"cut in its header's length", file[:5]},
		{"cut in its header", file[:min(40, n-1)]},
		{"cut in half", file[:8+(n-8)/2]},
		{"cut by one byte", file[:n-1]},
		{"with a byte behind", append(bytes.Clone(file), 0)},
		{"with a damaged header", func() []byte { f := bytes.Clone(file); f[8] = '['; return f }()},
		{"of another kind", []byte("PK\x03\x04 this is not a checkpoint, whatever its name says")},
	}
	if part != family.Weights {
		return cases, nil
	}
	tensors, metadata, err := safetensors.Read(bytes.NewReader(file))
	if err != nil || len(tensors) == 0 {
		return cases, err
	}
	variant := func(name string, change func(t []safetensors.Tensor) []safetensors.Tensor) error {
		var b bytes.Buffer
		err := safetensors.Write(&b, change(append([]safetensors.Tensor(nil), tensors...)), metadata)
		cases = append(cases, damage{name, b.Bytes()})
		return err
	}
	last := len(tensors) - 1
	for _, v := range []struct {
		name   string
		change func(t []safetensors.Tensor) []safetensors.Tensor
	}{
		{"without its last tensor", func(t []safetensors.Tensor) []safetensors.Tensor { return t[:last] }},
		{"with a tensor too many", func(t []safetensors.Tensor) []safetensors.Tensor {
			return append(t, safetensors.F32("no.such.tensor", []int{1}, []float32{1}))
		}},
		{"with a renamed tensor", func(t []safetensors.Tensor) []safetensors.Tensor { t[last].Name += "x"; return t }},
		{"with another shape", func(t []safetensors.Tensor) []safetensors.Tensor {
			t[last].Shape = append([]int{1, 1}, t[last].Shape...)
			return t
		}},
		{"with a longer tensor", func(t []safetensors.Tensor) []safetensors.Tensor {
			x := t[last]
			k := len(x.Data) / 4
			t[last] = safetensors.Tensor{Name: x.Name, DType: "F32", Shape: []int{k + 1}, Data: append(bytes.Clone(x.Data), 0, 0, 0, 0)}
			return t
		}},
		{"with another dtype", func(t []safetensors.Tensor) []safetensors.Tensor { t[last].DType = "I32"; return t }},
	} {
		if err := variant(v.name, v.change); err != nil {
			return nil, err
		}
	}
	return cases, nil
}
