package model

import (
	"cmp"
	"context"
	"encoding/json"
	"math"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

func makeCard(ctx context.Context, name string, config json.RawMessage, arch Architecture, params []nn.ParamSpec, req family.BuildRequest) (family.Card, error) {
	card := family.Card{
		Family:     name,
		Config:     config,
		Vocab:      req.Vocab,
		Precision:  cmp.Or(req.Precision, family.FP32),
		DraftHeads: draftHeads(arch),
	}
	active := 0.0
	for _, p := range params {
		card.Tensors = append(card.Tensors, family.TensorInfo{Name: p.Name, Shape: p.Shape, DType: "F32", Matrices: p.Matrices})
		card.Parameters += int64(p.Size())
		active += p.Active * float64(p.Size())
		if p.Lookup {
			card.Embedding += int64(p.Size())
		}
	}
	list := paramList(params)
	for _, name := range engine.Optimizers() {
		rule, err := engine.OptimizerOf(name)
		if err != nil {
			return card, family.Errorf(family.Internal, "optimizers", "%v", err)
		}
		x := family.OptimizerCost{Name: name}
		x.UpdateFLOPs, x.StateBytes = engine.OptimizerCost(rule, list)
		card.Optimizers = append(card.Optimizers, x)
	}
	card.ActiveParameters = int64(math.Round(active))
	analytic, ok := arch.(Coster)
	if !ok {
		var err error
		card.Costs, err = counted(ctx, arch, params, req.Lengths)
		return card, err
	}
	for _, t := range req.Lengths {
		c := analytic.Costs(t)
		c.T = t
		card.Costs = append(card.Costs, c)
	}
	return card, nil
}

func draftHeads(arch Architecture) int {
	if d, ok := arch.(Drafter); ok {
		return d.DraftHeads()
	}
	return 0
}
