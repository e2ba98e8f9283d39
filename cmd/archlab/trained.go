package main

import (
	"context"
	"fmt"
	"os"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
)

// checkpointed is a model of a run as its newest checkpoint left it, in a plugin of its own.
type checkpointed struct {
	*train.Session
	step    int
	context int // the longest sequence that it holds
}

// trained builds a model of a run and loads the weights of its newest good checkpoint; of the optimizer nothing is loaded. The model
// is built for sequences of longest tokens if that adds no weights, else for what its experiment requires.
func (f *fleet) trained(ctx context.Context, r *record.Reader, file *experiment.File, m record.Model, seed uint64, tokenizer string, longest int) (*checkpointed, error) {
	ckpt, skipped, err := r.Checkpoint(m.Name, seed)
	for _, s := range skipped {
		fmt.Fprintf(os.Stderr, "archlab: warning: %v; going back to an earlier one\n", s)
	}
	if err != nil {
		return nil, err
	}
	ref := m.Family
	for _, x := range file.Models {
		if x.Name == m.Name {
			ref = reference(file, x)
		}
	}
	comp, err := f.describe(ctx, ref)
	if err != nil {
		return nil, missing(err, ref, f.host)
	}
	req, _, err := file.FitTo(ctx, comp.Family, m.Card.Config, m.Card.Precision, m.Card.Vocab, longest)
	if err != nil {
		return nil, err
	}
	req.Seed = seed
	s, err := f.session(ctx, ref, req)
	if err != nil {
		return nil, err
	}
	want := map[string]string{"tokenizer": tokenizer, "family": s.Card.Family, "config": string(s.Card.Config), "vocab": fmt.Sprint(s.Card.Vocab)}
	if err := train.SameIdentity(ckpt.State.Identity, want); err != nil {
		s.Close()
		return nil, fmt.Errorf("checkpoint %s: %w", ckpt.Dir, err)
	}
	if err := train.LoadPart(ctx, s.Model, ckpt, family.Weights); err != nil {
		s.Close()
		return nil, err
	}
	return &checkpointed{s, ckpt.State.Step, req.Context}, nil
}
