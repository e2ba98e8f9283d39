package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
)

// checkpointed is a model of a run as a checkpoint left it, in a plugin of its own.
type checkpointed struct {
	*train.Session
	context int // the longest sequence that it holds
}

// pick opens a checkpoint of a model: the newest good one, the best by validation, or that of a step.
func pick(r *record.Reader, model string, seed uint64, which string) (*record.Checkpoint, error) {
	if which == newestCheckpoint {
		ckpt, skipped, err := r.Checkpoint(model, seed)
		for _, s := range skipped {
			fmt.Fprintf(os.Stderr, "archlab: warning: %v; going back to an earlier one\n", s)
		}
		return ckpt, err
	}
	step, err := strconv.Atoi(which)
	if which == bestCheckpoint {
		step, err = r.BestStep(model, seed)
	}
	if err != nil {
		return nil, err
	}
	ckpt, err := r.CheckpointAt(model, seed, step)
	if errors.Is(err, record.ErrNoCheckpoint) {
		err = hinted{err, "train.checkpoint.every and keep say which are kept"}
	}
	return ckpt, err
}

// trained builds a model of a run and loads a checkpoint's weights; of the optimizer nothing is loaded. The model
// is built for sequences of longest tokens if that adds no weights, else for what its experiment requires.
func (f *fleet) trained(ctx context.Context, ckpt *record.Checkpoint, file *experiment.File, m record.Model, seed uint64, tokenizer string, longest int) (*checkpointed, error) {
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
	defer f.described[ref].Close()
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
	return &checkpointed{s, req.Context}, nil
}
