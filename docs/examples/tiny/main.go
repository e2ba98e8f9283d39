// Command archlab-plugin-tiny is a whole plugin, as README.md shows it: a language model with a convolution over the last four
// tokens.
package main

import (
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/model"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/sdk"
)

type Config struct {
	Width int `json:"width" doc:"model width" min:"8" max:"4096"`
}

func tiny(c Config, vocab, _ int) (model.Architecture, error) {
	return model.Func(func(g *nn.Graph) nn.Output {
		table := g.Param("embed", nn.Normal(0.3), vocab, c.Width)
		x := nn.Embedding(table, g.Tokens())
		x = nn.Add(x, g.Linear("mix", nn.SiLU(g.ShortConv("conv", x, 4, true)), c.Width, nn.FanIn(), true))
		return nn.Output{Hidden: x, Projection: table}
	}), nil
}

func main() {
	sdk.Serve(model.Family(model.Spec[Config]{
		Description: family.Description{Name: "tiny", Version: "0.1.0", Summary: "A convolution.", Knob: family.Knob{Field: "width", Min: 8, Max: 4096, Step: 8}},
		Default:     Config{Width: 64},
		New:         tiny,
	}))
}
