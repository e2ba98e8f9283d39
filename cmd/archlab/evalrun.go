package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
)

// judge is how one checkpoint is measured.
type judge struct {
	// open readies the rest for a run: what needs its tokenizer or its data.
	open func(ctx context.Context, r *record.Reader) error

	tokenizer string // fingerprint that a checkpoint must have been trained with
	setting   string // of the training
	longest   int    // tokens that it feeds at most
	decodes   bool   // it needs decoding
	notes     []string
	run       func(ctx context.Context, m *checkpointed) (record.Judged, error)
	close     func()
}

// measurement is one suite on one run.
type measurement struct {
	*evalOptions
	fleet  *fleet
	run    *record.Reader
	file   *experiment.File
	stderr io.Writer
}

// path is where the result is kept.
func (m *measurement) path() string { return filepath.Join(m.run.Dir, "evals", m.name()+".json") }

// measure judges models with every seed, and keeps after each what there is so far. With again, what an earlier session kept of the
// same measurement of the same checkpoints is taken over. Trainings that failed are left out, and a note says so. A checkpoint that can't be
// measured keeps no other from being so: a note names it, and err comes beside what the others came to.
func (m *measurement) measure(ctx context.Context, models []record.Model, again bool) (out report.Judged, err error) {
	defer tokenizer.Catch(&err)
	j, err := m.judge(m.file)
	if err != nil {
		return out, err
	}
	defer func() {
		if j.close != nil {
			j.close()
		}
	}()
	if j.open != nil {
		if err := j.open(ctx, m.run); err != nil {
			return out, err
		}
	}
	x := record.Evaluation{Format: 1, Suite: m.suite, Setting: j.setting, File: m.questions, Archlab: version(), Time: time.Now().UTC(), Notes: slices.Clone(j.notes),
		Asked: record.Asked{Preset: m.preset, Lengths: m.lengths, Examples: m.examples, Tokens: m.tokens, Delimiter: m.delimiter, Checkpoint: m.which}}
	if x.File != "" {
		if x.SHA256, err = fileSum(x.File); err != nil {
			return out, err
		}
	}
	var before []record.Judged
	if again {
		if before, err = m.before(x); err != nil {
			return out, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(m.path()), 0o755); err != nil {
		return out, err
	}
	todo := checkpoints(models, m.run.Manifest.Seeds)
	var failed []error
	for i, c := range todo {
		one, fresh, err := m.one(ctx, j, c, before)
		switch {
		case err != nil && ctx.Err() != nil:
			return out, fmt.Errorf("%s: %w", c, err)
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", c, err))
			reason, _, _ := strings.Cut(err.Error(), "\n") // a dead plugin's last words follow
			x.Notes = append(x.Notes, fmt.Sprintf("%s was not measured: %s", c, reason))
			continue
		case one == nil:
			x.Notes = append(x.Notes, fmt.Sprintf("%s was not measured: its training failed", c))
			continue
		}
		x.Models = append(x.Models, *one)
		for _, n := range one.Notes {
			if !slices.Contains(x.Notes, n) {
				x.Notes = append(x.Notes, n)
			}
		}
		if !fresh {
			continue // kept already
		}
		if err := record.WriteJSON(m.path(), report.JudgeEvaluation(soFar(x, todo[i+1:]))); err != nil {
			return out, err
		}
	}
	if len(x.Models) == 0 {
		return out, cmp.Or(errors.Join(failed...), errors.New("nothing to measure: every training failed"))
	}
	out = report.JudgeEvaluation(x)
	return out, errors.Join(record.WriteJSON(m.path(), out), errors.Join(failed...))
}

// checkpointOf names what is measured: a model with a seed.
type checkpointOf struct {
	record.Model
	seed uint64
}

func (c checkpointOf) String() string { return fmt.Sprintf("%s seed %d", c.Name, c.seed) }

// checkpoints lists models with every seed.
func checkpoints(models []record.Model, seeds []uint64) (out []checkpointOf) {
	for _, m := range models {
		for _, s := range seeds {
			out = append(out, checkpointOf{m, s})
		}
	}
	return out
}

// soFar answers an evaluation with a note about each checkpoint that is left: what an interrupt leaves behind does not look whole.
func soFar(x record.Evaluation, left []checkpointOf) record.Evaluation {
	x.Notes = slices.Clone(x.Notes)
	for _, c := range left {
		x.Notes = append(x.Notes, fmt.Sprintf("%s was not measured yet", c))
	}
	return x
}

// before answers what was kept of the same measurement.
func (m *measurement) before(x record.Evaluation) ([]record.Judged, error) {
	all, err := m.run.Evaluations()
	if err != nil {
		return nil, err
	}
	for _, b := range all {
		if b.Suite == x.Suite && b.Setting == x.Setting && b.File == x.File && b.SHA256 == x.SHA256 && b.Archlab == x.Archlab && reflect.DeepEqual(b.Asked, x.Asked) {
			return b.Models, nil
		}
	}
	return nil, nil
}

// one answers what one checkpoint comes to, out of before where it is there; nil for a training that failed.
func (m *measurement) one(ctx context.Context, j *judge, c checkpointOf, before []record.Judged) (out *record.Judged, fresh bool, err error) {
	defer tokenizer.Catch(&err)
	model, seed := c.Model, c.seed
	res, _, err := m.run.Result(model.Name, seed)
	if err != nil {
		return nil, false, err
	}
	if res.Status == "failed" && (m.which == newestCheckpoint || m.which == bestCheckpoint) {
		return nil, false, nil
	}
	ckpt, err := pick(m.run, model.Name, seed, m.which)
	if err != nil {
		return nil, false, err
	}
	for i, b := range before {
		if b.Model == model.Name && b.Seed == seed && b.Step == ckpt.State.Step {
			return &before[i], false, nil
		}
	}
	fmt.Fprintf(m.stderr, "%s: %s\n", c, m.suite)
	s, err := m.fleet.trained(ctx, ckpt, m.file, model, seed, j.tokenizer, j.longest)
	if err != nil {
		return nil, false, err
	}
	defer s.Close()
	var notes []string
	if s.context < j.longest {
		notes = append(notes, fmt.Sprintf("%s holds %d tokens, since a longer context would add weights that no training reached: what is longer was not measured or lost its beginning", model.Name, s.context))
	}
	var judged record.Judged
	if j.decodes && !s.Description.Capabilities.Decode {
		notes = append(notes, model.Name+" does not decode: it was not measured")
	} else if judged, err = j.run(ctx, s); err != nil {
		return nil, false, err
	}
	judged.Model, judged.Seed, judged.Step, judged.Notes = model.Name, seed, ckpt.State.Step, notes
	return &judged, true, nil
}
