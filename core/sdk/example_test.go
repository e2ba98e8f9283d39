package sdk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/core/wire"
)

// uniform is the smallest family: it holds every token for equally likely and never learns better.
type uniform struct{}

func (uniform) Describe(context.Context) (family.Description, error) {
	return family.Description{
		Name: "uniform", Version: "1.0.0", Summary: "Every token is equally likely.",
		ConfigSchema: json.RawMessage(`{"type": "object", "additionalProperties": false}`),
		Capabilities: family.Capabilities{Precisions: []family.Precision{family.FP32}},
	}, nil
}

func (uniform) Build(_ context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	card := family.Card{Family: "uniform", Config: json.RawMessage("{}"), Vocab: req.Vocab, Precision: family.FP32}
	if req.CardOnly {
		return nil, card, nil
	}
	return &uniformModel{vocab: req.Vocab}, card, nil
}

// uniformModel has Score; sdk.Unimplemented answers for the rest.
type uniformModel struct {
	sdk.Unimplemented
	vocab int
}

func (m *uniformModel) Score(_ context.Context, b family.Batch) (family.ScoreResult, error) {
	if err := b.Check(m.vocab); err != nil {
		return family.ScoreResult{}, err
	}
	out := family.ScoreResult{LogProbs: make([]float32, b.B*b.T), Correct: make([]bool, b.B*b.T)}
	for i, w := range b.Weights {
		if w != 0 {
			out.LogProbs[i] = float32(-math.Log(float64(m.vocab)))
			out.Correct[i] = b.Targets[i] == 0 // of equals, the lowest id
		}
	}
	return out, nil
}

// In a plugin, main is sdk.Serve(uniform{}) and nothing else. In a test, the same family answers over the same wire without
// a process.
func Example() {
	fam, stop := wire.InProcess(uniform{})
	defer stop()
	ctx := context.Background()
	m, _, err := fam.Build(ctx, family.BuildRequest{Vocab: 4})
	if err != nil {
		fmt.Println(err)
		return
	}
	score, err := m.Score(ctx, family.Batch{B: 1, T: 2, Tokens: []int32{3, 1}, Targets: []int32{1, 0}, Weights: []float32{1, 1}})
	fmt.Println(score.LogProbs, score.Correct, err)

	_, err = m.Score(ctx, family.Batch{B: 1, T: 1, Tokens: []int32{4}, Targets: []int32{0}, Weights: []float32{1}})
	fmt.Println(err)
	_, err = m.Train(ctx, family.TrainRequest{})
	fmt.Println(family.CodeOf(err))
	// Output:
	// [-1.3862944 -1.3862944] [false true] <nil>
	// batch.tokens[0]: token 4 is outside the vocabulary [0,4)
	// unimplemented
}
