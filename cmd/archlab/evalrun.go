package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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
// same measurement of the same checkpoints is taken over. Trainings that failed are left out, and a note says so.
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
	for _, model := range models {
		for _, seed := range m.run.Manifest.Seeds {
			one, fresh, err := m.one(ctx, j, model, seed, before)
			if err != nil {
				return out, fmt.Errorf("%s seed %d: %w", model.Name, seed, err)
			}
			if one == nil {
				x.Notes = append(x.Notes, fmt.Sprintf("%s seed %d was not measured: its training failed", model.Name, seed))
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
			if err := record.WriteJSON(m.path(), report.JudgeEvaluation(x)); err != nil {
				return out, err
			}
		}
	}
	if len(x.Models) == 0 {
		return out, errors.New("nothing to measure: every training failed")
	}
	out = report.JudgeEvaluation(x)
	return out, record.WriteJSON(m.path(), out)
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
func (m *measurement) one(ctx context.Context, j *judge, model record.Model, seed uint64, before []record.Judged) (out *record.Judged, fresh bool, err error) {
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
	fmt.Fprintf(m.stderr, "%s seed %d: %s\n", model.Name, seed, m.suite)
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
