package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
)

// The metadata of the optimizer's file: the steps taken, and the optimizer, which is AdamW where there is none.
const (
	stepKey      = "step"
	optimizerKey = "optimizer"
)

// The loss scale, and the steps that it has held for.
const (
	scaleKey = "loss_scale"
	heldKey  = "loss_scale_held"
)

// Save writes the weights under their own names; or the optimizer's moments, those of NAME as "m.NAME" and "v.NAME", with the
// optimizer and the number of its steps in the metadata. Before the first step they are AdamW's, and zero. In FP16 the
// metadata hold the loss scale as well.
func (m *lm) Save(ctx context.Context, part family.Part, w io.Writer) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.leave()
	optimizer := cmp.Or(m.params.Optimizer(), family.AdamW)
	if part == family.Optimizer {
		if err := m.params.Adopt(optimizer); err != nil {
			return family.Errorf(family.Internal, optimizerKey, "%v", err)
		}
	}
	slots, err := m.slots(part, optimizer)
	if err != nil {
		return err
	}
	tensors := make([]safetensors.Tensor, len(slots))
	for i, s := range slots {
		tensors[i] = safetensors.F32(s.name, s.shape, s.data)
	}
	meta := map[string]string{"family": m.card.Family, "part": string(part)}
	if part == family.Optimizer {
		meta[optimizerKey] = optimizer
		meta[stepKey] = strconv.FormatInt(m.params.Steps, 10)
		if m.scaled() {
			meta[scaleKey] = strconv.FormatFloat(m.scale.Scale, 'g', -1, 64)
			meta[heldKey] = strconv.FormatInt(m.scale.Good, 10)
		}
	}
	if err := safetensors.Write(&cancelWriter{ctx, w}, tensors, meta); err != nil {
		if ctx.Err() != nil {
			return canceled(ctx.Err())
		}
		return fmt.Errorf("save %s: %w", part, err)
	}
	return nil
}

// Load reads a part back. Everything is read and checked before anything changes.
func (m *lm) Load(ctx context.Context, part family.Part, r io.Reader) error {
	if err := m.enter(ctx); err != nil {
		return err
	}
	defer m.leave()
	if part != family.Weights && part != family.Optimizer {
		return unknownPart(part)
	}
	tensors, meta, err := safetensors.Read(r)
	switch {
	case ctx.Err() != nil:
		return canceled(ctx.Err())
	case errors.Is(err, safetensors.ErrCorrupt):
		return family.Errorf(family.Corrupt, string(part), "%v", err)
	case err != nil:
		return fmt.Errorf("load %s: %w", part, err)
	}
	optimizer := cmp.Or(meta[optimizerKey], family.AdamW)
	slots, err := m.slots(part, optimizer)
	if err != nil {
		return err
	}
	data, err := match(slots, tensors)
	if err != nil {
		return err
	}
	if part == family.Optimizer {
		steps, err := strconv.ParseInt(meta[stepKey], 10, 64)
		if err != nil || steps < 0 {
			return family.Errorf(family.Corrupt, stepKey, "metadata %q, want the number of steps taken", meta[stepKey])
		}
		scale, err := lossScale(meta)
		if err != nil {
			return err
		}
		if err := m.params.Adopt(optimizer); err != nil {
			return family.Errorf(family.Internal, optimizerKey, "%v", err)
		}
		m.params.Steps, m.scale = steps, scale
		if slots, err = m.slots(part, optimizer); err != nil {
			return err
		}
	}
	for i, s := range slots {
		copy(s.data, data[i])
	}
	m.params.Changed()
	return nil
}

// lossScale reads the scale of an optimizer's file. Files of other precisions have none: scaling then starts anew.
func lossScale(meta map[string]string) (engine.LossScale, error) {
	s := engine.LossScale{Scale: engine.FirstScale}
	if meta[scaleKey] == "" {
		return s, nil
	}
	var err error
	if s.Scale, err = strconv.ParseFloat(meta[scaleKey], 64); err != nil || !(s.Scale >= 1 && s.Scale <= engine.LargestScale) || !powerOfTwo(s.Scale) {
		return s, family.Errorf(family.Corrupt, scaleKey, "metadata %q, want a power of two from 1 to %d", meta[scaleKey], engine.LargestScale)
	}
	if s.Good, err = strconv.ParseInt(meta[heldKey], 10, 64); err != nil || s.Good < 0 {
		return s, family.Errorf(family.Corrupt, heldKey, "metadata %q, want a number of steps", meta[heldKey])
	}
	return s, nil
}

func powerOfTwo(x float64) bool {
	fraction, _ := math.Frexp(x)
	return fraction == 0.5
}

// slot is a tensor of a checkpoint and the memory it is for.
type slot struct {
	name  string
	shape []int
	data  []float32
}

// slots lists the tensors of a part. The moments of an optimizer that the parameters have not adopted have no memory yet.
func (m *lm) slots(part family.Part, optimizer string) ([]slot, error) {
	var list []slot
	switch part {
	case family.Weights:
		for _, p := range m.params.All() {
			list = append(list, slot{p.Name, p.Shape, p.W})
		}
	case family.Optimizer:
		rule, err := engine.OptimizerOf(optimizer)
		if err != nil {
			return nil, family.Errorf(family.Corrupt, optimizerKey, "metadata: %v", err)
		}
		for _, p := range m.params.All() {
			if p.Fixed {
				continue
			}
			for i, name := range rule.Moments(p.ParamSpec) {
				s := slot{name: name + "." + p.Name, shape: p.Shape}
				if m.params.Optimizer() == optimizer {
					s.data = p.Moments[i]
				}
				list = append(list, s)
			}
		}
	default:
		return nil, unknownPart(part)
	}
	return list, nil
}

func unknownPart(part family.Part) error {
	return family.Errorf(family.InvalidArgument, "part", "got %q, want %q or %q", part, family.Weights, family.Optimizer)
}

// match answers the numbers for each slot, if the tensors are exactly those of the model.
func match(slots []slot, tensors []safetensors.Tensor) ([][]float32, error) {
	byName := make(map[string]safetensors.Tensor, len(tensors))
	for _, t := range tensors {
		byName[t.Name] = t
	}
	data := make([][]float32, len(slots))
	for i, s := range slots {
		t, ok := byName[s.name]
		if !ok {
			return nil, family.Errorf(family.Corrupt, s.name, "the file lacks this tensor")
		}
		if t.DType != "F32" || fmt.Sprint(t.Shape) != fmt.Sprint(s.shape) {
			return nil, family.Errorf(family.Corrupt, s.name, "got %s %v, want F32 %v", t.DType, t.Shape, s.shape)
		}
		x, err := t.Float32s()
		if err != nil {
			return nil, family.Errorf(family.Corrupt, s.name, "%v", err)
		}
		data[i] = x
		delete(byName, s.name)
	}
	for _, t := range tensors {
		if _, left := byName[t.Name]; left {
			return nil, family.Errorf(family.Corrupt, t.Name, "the model has no such tensor")
		}
	}
	return data, nil
}

// cancelWriter fails once the context is done.
type cancelWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c *cancelWriter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(p)
}
