// Package model turns the architecture of a language model, written as a Gorgonia graph with core/nn, into a family of
// the contract: strict configs, model cards, training, scoring, decoding states, checkpoints and profiles. It knows no
// architecture; a family supplies a Config and a Forward.
//
//	func Family() family.Family {
//		return model.Family(model.Spec[Config]{
//			Description: family.Description{Name: "mamba", Version: "0.1.0", ...},
//			Default:     Config{Width: 128, Layers: 4},
//			New:         func(c Config, vocab, context int) (model.Architecture, error) { return newMamba(c, vocab) },
//		})
//	}
//
// Training, scoring and decoding run the same Forward and the same kernels. Rows are packed: a batch is M rows cut into
// segments at document starts, and a decoding run holds one segment for each state.
//
// Dimensions: B batch, T time, M packed rows, V vocabulary.
package model

import (
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// Architecture is a family's model with all sizes decided.
type Architecture interface {
	// Forward builds the whole model in g, for every mode of g. All parameters appear in Training graphs.
	Forward(g *nn.Graph) nn.Output
}

// Func is an Architecture that is nothing but its Forward.
type Func func(g *nn.Graph) nn.Output

// Forward builds the model.
func (f Func) Forward(g *nn.Graph) nn.Output { return f(g) }

// Coster is an Architecture that states analytically what a token costs in sequences of t tokens; T need not be filled in.
// The costs of others are counted, by running them on a few tokens whenever a card is made: exact for the ops of core/nn,
// and slower for large models.
type Coster interface {
	Costs(t int) family.Cost
}

// Drafter is an Architecture with extra heads that Extend can draft with.
type Drafter interface {
	DraftHeads() int
}

// Replayer is a Drafter whose heads need the tokens in between: head k is answered by running the Drafting graph, as in
// scoring, over all tokens of the state and those drafted greedily so far.
type Replayer interface {
	DraftsByReplay() bool
}

// Resolver is an Architecture whose config holds values derived while it was made; the card shows what it answers.
type Resolver interface {
	Resolve() any
}

// Spec describes a family whose config is a C: a struct whose fields have the tags json, doc, min, max and enum.
type Spec[C any] struct {
	// Description is the family's self-portrait. ConfigSchema, Presets, Precisions and the capability to decode are filled in.
	Description family.Description
	// Default is the config when no key is given.
	Default C
	// Presets are named configs, chosen by the config key "preset".
	Presets []Preset[C]
	// Examples are small configs, as JSON objects, that show the family's variants. They stand in the schema, and the
	// conformance suite judges the family on them.
	Examples []string
	// Plain is laid over the examples, as a JSON object, by checks that need what is minimised to be a sum over tokens
	// that is smooth in every weight: it switches off auxiliary losses, rule-based updates and discrete choices.
	Plain string
	// New checks what the tags cannot and makes the model. Errors are *family.Error with InvalidConfig that name the key.
	New func(config C, vocab, context int) (Architecture, error)
}

// Preset is a named config: what it changes of the default.
type Preset[C any] struct {
	Name    string
	Summary string
	Apply   func(config *C)
}
