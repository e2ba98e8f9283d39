package model_test

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
)

// Config is what a user may write in the experiment file.
type Config struct {
	Width int `json:"width" doc:"D, the model width" min:"1" max:"4096"`
}

// bigram predicts the next token from the last one alone.
func bigram(c Config, vocab, _ int) (model.Architecture, error) {
	return model.Func(func(g *nn.Graph) nn.Output {
		table := g.Param("embed.weight", nn.Normal(0.1).Lookup(), vocab, c.Width)
		x := nn.Embedding(table, g.Tokens())
		return nn.Output{Hidden: x, Projection: g.Param("head.weight", nn.Normal(0.1), vocab, c.Width)}
	}), nil
}

// A whole family: a config and a Forward.
func Example() {
	ctx := context.Background()
	fam := model.Family(model.Spec[Config]{
		Description: family.Description{Name: "bigram", Version: "0.1.0", Summary: "Predicts from the last token alone."},
		Default:     Config{Width: 8},
		New:         bigram,
	})

	_, _, err := fam.Build(ctx, family.BuildRequest{Config: json.RawMessage(`{"widht":4}`), Vocab: 4})
	fmt.Println(err)

	m, card, err := fam.Build(ctx, family.BuildRequest{Config: json.RawMessage(`{"width":4}`), Vocab: 4, Seed: 1, Lengths: []int{16}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Release(ctx)
	cost, _ := card.Cost(16)
	fmt.Println(card.Parameters, "parameters,", cost.PrefillFLOPs, "FLOPs a token")

	// 0 1 2 3 0 1 2 3: each token follows from the last one.
	batch := family.Batch{B: 1, T: 4, Tokens: []int32{0, 1, 2, 3}, Targets: []int32{1, 2, 3, 0}, Weights: []float32{0.25, 0.25, 0.25, 0.25}}
	step := family.OptimizerStep{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8}
	for range 50 {
		if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{batch}, Optimizer: step}); err != nil {
			fmt.Println(err)
			return
		}
	}
	states, err := m.Open(ctx, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	next := int32(0)
	for range 6 {
		res, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: states[0], Tokens: []int32{next}}}, TopK: 1})
		if err != nil {
			fmt.Println(err)
			return
		}
		next = res.IDs[0]
		fmt.Print(next, " ")
	}
	// Output:
	// widht: unknown key; did you mean "width"?
	// 32 parameters, 56 FLOPs a token
	// 1 2 3 0 1 2
}
