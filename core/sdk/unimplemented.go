package sdk

import (
	"context"
	"io"

	"github.com/archlab/archlab/core/family"
)

// Unimplemented answers every call of family.Model with an error of code Unimplemented. A model embeds it and writes the
// calls that it has; the family's Capabilities must say which those are.
type Unimplemented struct{}

func lacks(call string) error {
	return family.Errorf(family.Unimplemented, "", "%s: this family does not have the call", call)
}

// Train answers Unimplemented.
func (Unimplemented) Train(context.Context, family.TrainRequest) (family.TrainResult, error) {
	return family.TrainResult{}, lacks("train")
}

// Score answers Unimplemented.
func (Unimplemented) Score(context.Context, family.Batch) (family.ScoreResult, error) {
	return family.ScoreResult{}, lacks("score")
}

// Open answers Unimplemented.
func (Unimplemented) Open(context.Context, int) ([]family.StateID, error) {
	return nil, lacks("open")
}

// Extend answers Unimplemented.
func (Unimplemented) Extend(context.Context, family.ExtendRequest) (family.ExtendResult, error) {
	return family.ExtendResult{}, lacks("extend")
}

// Fork answers Unimplemented.
func (Unimplemented) Fork(context.Context, []family.StateID) ([]family.StateID, error) {
	return nil, lacks("fork")
}

// Rewind answers Unimplemented.
func (Unimplemented) Rewind(context.Context, family.StateID, int) error { return lacks("rewind") }

// Close answers Unimplemented.
func (Unimplemented) Close(context.Context, []family.StateID) error { return lacks("close") }

// Trace answers Unimplemented.
func (Unimplemented) Trace(context.Context, family.TraceRequest) (family.TraceResult, error) {
	return family.TraceResult{}, lacks("trace")
}

// Quantize answers Unimplemented.
func (Unimplemented) Quantize(context.Context, string) (family.Card, error) {
	return family.Card{}, lacks("quantize")
}

// Save answers Unimplemented.
func (Unimplemented) Save(context.Context, family.Part, io.Writer) error { return lacks("save") }

// Load answers Unimplemented.
func (Unimplemented) Load(context.Context, family.Part, io.Reader) error { return lacks("load") }

// Profile answers Unimplemented.
func (Unimplemented) Profile(context.Context, bool) (family.Profile, error) {
	return family.Profile{}, lacks("profile")
}

// Release answers nothing: there is nothing to free.
func (Unimplemented) Release(context.Context) error { return nil }

var _ family.Model = Unimplemented{}
