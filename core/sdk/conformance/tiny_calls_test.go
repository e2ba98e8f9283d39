package conformance_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
)

func (m *tinyModel) Trace(ctx context.Context, _ family.TraceRequest) (family.TraceResult, error) {
	if err := m.usable(ctx); err != nil {
		return family.TraceResult{}, err
	}
	defer m.mu.Unlock()
	if m.fault == tracesUnannounced {
		return family.TraceResult{}, nil
	}
	return family.TraceResult{}, family.Errorf(family.Unimplemented, "", "tiny has no sites")
}

func (m *tinyModel) Quantize(ctx context.Context, _ string) (family.Card, error) {
	if err := m.usable(ctx); err != nil {
		return family.Card{}, err
	}
	defer m.mu.Unlock()
	return family.Card{}, family.Errorf(family.Unimplemented, "", "tiny is not quantized")
}

// vectors lists what a part of a checkpoint holds.
func (m *tinyModel) vectors(part family.Part) ([]safetensors.Tensor, error) {
	var out []safetensors.Tensor
	for _, p := range m.params {
		switch part {
		case family.Weights:
			out = append(out, safetensors.F32(p.name, p.shape, p.w))
		case family.Optimizer:
			out = append(out, safetensors.F32("m."+p.name, p.shape, p.m), safetensors.F32("v."+p.name, p.shape, p.v))
		default:
			return nil, family.Errorf(family.InvalidArgument, "part", "got %q, want weights or optimizer", part)
		}
	}
	if m.fault == savesTransposed && part == family.Weights {
		t := &out[len(out)-1]
		t.Shape = []int{t.Shape[1], t.Shape[0]}
	}
	return out, nil
}

func (m *tinyModel) Save(ctx context.Context, part family.Part, w io.Writer) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	tensors, err := m.vectors(part)
	if err != nil {
		return err
	}
	var metadata map[string]string
	if part == family.Optimizer {
		metadata = map[string]string{"step": strconv.Itoa(m.steps), "optimizer": m.by}
	}
	return safetensors.Write(w, tensors, metadata)
}

func (m *tinyModel) Load(ctx context.Context, part family.Part, r io.Reader) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	want, err := m.vectors(part)
	if err != nil {
		return err
	}
	got, metadata, err := safetensors.Read(r)
	if err != nil {
		if errors.Is(err, safetensors.ErrCorrupt) && m.fault != corruptUntyped {
			return family.Errorf(family.Corrupt, "", "%v", err)
		}
		return err
	}
	steps := 0
	if part == family.Optimizer {
		if steps, err = strconv.Atoi(metadata["step"]); err != nil || steps < 0 {
			return family.Errorf(family.Corrupt, "step", "got %q", metadata["step"])
		}
	}
	byName := map[string]safetensors.Tensor{}
	for _, t := range got {
		byName[t.Name] = t
	}
	if len(got) != len(want) && m.fault != acceptsMissingTensor {
		return family.Errorf(family.Corrupt, "", "%d tensors, want %d", len(got), len(want))
	}
	for _, w := range want {
		g, ok := byName[w.Name]
		if !ok && m.fault == acceptsMissingTensor {
			continue
		}
		if !ok || g.DType != "F32" || !slices.Equal(g.Shape, w.Shape) {
			return family.Errorf(family.Corrupt, w.Name, "%s %v, want F32 %v", g.DType, g.Shape, w.Shape)
		}
		if m.fault == loadsHalf { // and notices what is wrong with a later tensor when it is too late
			copy(w.Data, g.Data)
		}
	}
	for i, w := range want {
		if m.fault == resumeLosesMoment && part == family.Optimizer && i == 1 {
			continue
		}
		if m.fault == loadRounds && part == family.Weights {
			for j := 0; j+4 <= len(w.Data); j += 4 { // as if through bfloat16
				u := binary.LittleEndian.Uint32(byName[w.Name].Data[j:])
				if x := math.Float32frombits(u); x-x == 0 {
					u &^= 0xf
				}
				binary.LittleEndian.PutUint32(w.Data[j:], u)
			}
			continue
		}
		copy(w.Data, byName[w.Name].Data)
	}
	if part == family.Optimizer && m.fault != resumeLosesStep {
		m.steps = steps
		if m.fault != resumeLosesOptimizer {
			m.by = metadata["optimizer"]
		}
	}
	return nil
}

func (m *tinyModel) Profile(ctx context.Context, reset bool) (family.Profile, error) {
	if err := m.usable(ctx); err != nil {
		return family.Profile{}, err
	}
	defer m.mu.Unlock()
	var r family.Profile
	for i, op := range m.profile {
		if op.calls > 0 {
			r.Ops = append(r.Ops, family.OpProfile{Op: []string{"forward", "backward", "update"}[i], Calls: op.calls, Nanoseconds: op.took.Nanoseconds(), FLOPs: op.flops})
		}
		r.FLOPs += op.flops
	}
	sort.SliceStable(r.Ops, func(i, j int) bool { return r.Ops[i].Nanoseconds > r.Ops[j].Nanoseconds })
	for _, p := range m.params {
		r.WeightBytes += int64(p.n) * (3*4 + 8)
	}
	for _, s := range m.states {
		r.StateBytes += int64(8*len(s.h) + 4*len(s.tokens))
	}
	r.BusySeconds = m.busy.Seconds()
	if m.fault == profileIncomplete && len(r.Ops) > 0 {
		r.Ops = r.Ops[1:]
	}
	if reset && m.fault != profileNeverResets {
		m.profile, m.busy = [3]tinyOp{}, 0
	}
	return r, nil
}

func (m *tinyModel) Release(ctx context.Context) error {
	if err := m.usable(ctx); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.gone = true
	return nil
}
