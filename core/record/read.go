package record

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Reader reads a run directory, also while a process is writing it.
type Reader struct {
	Dir      string
	Manifest Manifest
}

// Open reads the manifest of a run directory. It answers ErrNotARun for any other directory.
func Open(dir string) (*Reader, error) {
	r := &Reader{Dir: dir}
	err := readJSON(filepath.Join(dir, "manifest.json"), &r.Manifest)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: it has no manifest.json", dir, ErrNotARun)
	}
	if err != nil {
		return nil, err
	}
	if r.Manifest.Format != Format {
		return nil, fmt.Errorf("%s: the run has format %d, this archlab reads format %d", dir, r.Manifest.Format, Format)
	}
	return r, nil
}

// Find answers every run directory at or below root, oldest first by id: root itself, <root>/<id> or <root>/<name>/<id>.
func Find(root string) ([]string, error) {
	var out []string
	for _, pattern := range []string{"manifest.json", "*/manifest.json", "*/*/manifest.json"} {
		m, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, p := range m {
			out = append(out, filepath.Dir(p))
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return lessID(filepath.Base(out[i]), filepath.Base(out[j])) })
	return out, nil
}

// lessID orders ids by time and then by the number of their suffix, so that -10 comes after -9.
func lessID(a, b string) bool {
	cut := func(s string) (string, int) {
		if i := strings.LastIndexByte(s, '-'); i > len("20060102") {
			if n, err := strconv.Atoi(s[i+1:]); err == nil {
				return s[:i], n
			}
		}
		return s, 1
	}
	x, n := cut(a)
	y, m := cut(b)
	if x != y {
		return x < y
	}
	return n < m
}

// Result reads result.json of one model and seed; ok is false while there is none.
func (r *Reader) Result(model string, seed uint64) (res Result, ok bool, err error) {
	err = readJSON(filepath.Join(ModelDir(r.Dir, model, seed), "result.json"), &res)
	if errors.Is(err, os.ErrNotExist) {
		return res, false, nil
	}
	return res, err == nil, err
}

// Results reads every result there is, in the manifest's order of models and seeds.
func (r *Reader) Results() ([]Result, error) {
	var out []Result
	for _, m := range r.Manifest.Models {
		for _, seed := range r.Manifest.Seeds {
			res, ok, err := r.Result(m.Name, seed)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, res)
			}
		}
	}
	return out, nil
}

// Evaluations reads what archlab eval has written beside the run's records, by name.
func (r *Reader) Evaluations() ([]Evaluation, error) {
	paths, err := filepath.Glob(filepath.Join(r.Dir, "evals", "*.json"))
	if err != nil {
		return nil, err
	}
	sort.Strings(paths)
	var out []Evaluation
	for _, p := range paths {
		var x Evaluation
		if err := readJSON(p, &x); err != nil {
			return nil, err
		}
		if x.Format != 1 {
			return nil, fmt.Errorf("%s: the evaluation has format %d, this archlab reads format 1", p, x.Format)
		}
		out = append(out, x)
	}
	return out, nil
}

// Metrics reads the metrics of one model and seed, in the order they were written.
func (r *Reader) Metrics(model string, seed uint64) ([]Metric, error) {
	return ReadLog[Metric](filepath.Join(ModelDir(r.Dir, model, seed), "metrics.jsonl"))
}

// Checkpoint opens the newest good checkpoint of one model and seed. Damaged ones that were passed over come as errors
// in skipped; without a good one the error is ErrNoCheckpoint.
func (r *Reader) Checkpoint(model string, seed uint64) (c *Checkpoint, skipped []error, err error) {
	return NewestCheckpoint(ModelDir(r.Dir, model, seed))
}

// CheckpointAt opens the checkpoint of a step. Where there is none, the error is ErrNoCheckpoint and lists the steps that are there.
func (r *Reader) CheckpointAt(model string, seed uint64, step int) (*Checkpoint, error) {
	dir := ModelDir(r.Dir, model, seed)
	steps, err := CheckpointSteps(dir)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(steps, step) {
		return nil, fmt.Errorf("%w of step %d; there are those of %s", ErrNoCheckpoint, step, list(steps))
	}
	return OpenCheckpoint(checkpointDir(dir, step))
}

// BestStep is the step of the checkpoint with the lowest validation loss, the earlier of equals. Checkpoints at whose step there was no
// validation do not take part; where none is left, the error is ErrNoCheckpoint.
func (r *Reader) BestStep(model string, seed uint64) (step int, err error) {
	steps, err := CheckpointSteps(ModelDir(r.Dir, model, seed))
	if err != nil {
		return 0, err
	}
	metrics, err := r.Metrics(model, seed)
	if err != nil {
		return 0, err
	}
	loss := math.Inf(1)
	for _, m := range metrics {
		if m.Kind == "validation" && m.Loss < loss && slices.Contains(steps, m.Step) {
			step, loss = m.Step, m.Loss
		}
	}
	if math.IsInf(loss, 1) {
		return 0, fmt.Errorf("%w with a validation at its step; there are those of %s", ErrNoCheckpoint, list(steps))
	}
	return step, nil
}

// list writes steps for people.
func list(steps []int) string {
	if len(steps) == 0 {
		return "no step at all"
	}
	text := make([]string, len(steps))
	for i, s := range steps {
		text[i] = strconv.Itoa(s)
	}
	if len(steps) == 1 {
		return "step " + text[0]
	}
	return "steps " + strings.Join(text, ", ")
}

// Config reads config.yaml, the experiment as resolved.
func (r *Reader) Config() ([]byte, error) {
	return os.ReadFile(filepath.Join(r.Dir, "config.yaml"))
}
