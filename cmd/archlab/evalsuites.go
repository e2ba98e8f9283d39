package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

// judge prepares a suite for the models of an experiment, as far as their tokenizer and data are not needed: everything that can be wrong
// with the suite's settings is an error here.
func (o *evalOptions) judge(file *experiment.File) (*judge, error) {
	switch o.suite {
	case "positions", "long":
		return o.judgePositions(file)
	case "choice", "cloze":
		return o.judgeQuestions(file)
	case "task", "lengths":
		if file.Data.Task == nil {
			return nil, hinted{fmt.Errorf("the suite %s is for models trained on a task; the run learned %s", o.suite, learned(file)), "for text: positions, long, choice, cloze, needle"}
		}
		return o.judgeTask(file, file.Data.Task.Name)
	}
	var kinds []*task.Kind
	for _, k := range task.Kinds {
		if k.Name == o.suite || k.Suite == o.suite {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		return nil, unknownSuite(o.suite)
	}
	if t := file.Data.Task; t != nil && slices.ContainsFunc(kinds, func(k *task.Kind) bool { return k.Name == t.Name }) {
		return o.judgeTask(file, t.Name)
	}
	return o.judgeText(file, kinds)
}

// learned names what the models of an experiment learn.
func learned(file *experiment.File) string {
	if t := file.Data.Task; t != nil {
		return "the task " + t.Name
	}
	return "text"
}

func unknownSuite(name string) error {
	hint := "archlab eval --list names them"
	if near, ok := experiment.Nearest(name, experiment.SuiteNames()); ok {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return usageError{fmt.Sprintf("unknown suite %q", name), hint}
}

// most is the longest test sequence of a suite that chooses its own lengths.
const most = 1 << 15

// point is one setting at which a task is tested.
type point struct {
	task      task.Task
	parameter string // that measures length, with its value; empty where nothing is said of length
	length    int
}

// points lists the settings at which a task is tested: the lengths that the command line names; else what the publication tests with preset
// paper; else, except for the suite task, 1 to 64 times the config's length. Of lengths that nobody named those are left out that the
// task's rules or most forbid.
func (o *evalOptions) points(c task.Config) ([]point, error) {
	first, err := task.Open(c)
	if err != nil {
		return nil, err
	}
	k, _ := task.Find(c.Kind)
	if k.Scale == "" || o.suite == "task" && len(o.lengths) == 0 {
		if len(o.lengths) > 0 {
			return nil, settingError{"lengths", fmt.Sprintf("the task %s has no setting that measures length", c.Kind), ""}
		}
		return []point{{task: first}}, nil
	}
	var configs []task.Config
	add := func(n int) error {
		at, err := c.At(n)
		configs = append(configs, at)
		return err
	}
	switch wanted := o.wanted(k, int(first.Info().Parameters[k.Scale])); {
	case len(o.lengths) == 0 && o.preset == task.Paper && len(k.Grid) > 0:
		for _, values := range k.Grid {
			at := c
			for key, v := range values {
				at = at.With(key, v)
			}
			configs = append(configs, at)
		}
	default:
		for _, n := range wanted {
			if err := add(n); err != nil {
				return nil, err
			}
		}
	}
	var out []point
	for _, at := range configs {
		t, err := task.Open(at)
		switch {
		case err != nil && len(o.lengths) > 0:
			return nil, fmt.Errorf("%s %v: %w", k.Scale, at.Set[k.Scale], err)
		case err != nil || len(o.lengths) == 0 && t.Length() > most:
			continue
		}
		out = append(out, point{t, k.Scale, int(t.Info().Parameters[k.Scale])})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the task %s allows none of the suite's lengths", c.Kind)
	}
	return out, nil
}

// wanted lists the lengths that are asked for.
func (o *evalOptions) wanted(k *task.Kind, trained int) (out []int) {
	switch {
	case len(o.lengths) > 0:
		return o.lengths
	case o.preset == task.Paper && len(k.PaperScale) > 0:
		// A publication that tests every length up to one is asked at 32 of them.
		step := (len(k.PaperScale) + 31) / 32
		for i := step - 1; i < len(k.PaperScale); i += step {
			out = append(out, k.PaperScale[i])
		}
		return out
	}
	for times := 1; times <= 64; times *= 2 {
		n := times * trained
		if k.Odd {
			n -= 1 - n%2
		}
		out = append(out, n)
	}
	return out
}

// judgeTask tests models on the task that they learned, with its own settings or those of a preset.
func (o *evalOptions) judgeTask(file *experiment.File, kind string) (*judge, error) {
	own := file.Data.Task
	trained, err := task.Open(own.Config())
	if err != nil {
		return nil, err
	}
	c := own.Config()
	if o.preset != "" {
		c = task.Config{Kind: kind, Preset: o.preset}
	}
	points, err := o.points(c)
	if err != nil {
		return nil, err
	}
	setting := trained.Info().Setting(own.Examples)
	j := &judge{tokenizer: taskFingerprint(trained), setting: setting}
	for _, p := range points {
		t := p.task
		if got, want := t.Info().Vocab, trained.Info().Vocab; got != want {
			return nil, hinted{fmt.Errorf("the models' vocabulary does not fit: they know %d token ids, the task %s with preset %s has %d", want, kind, o.preset, got), "without preset the run's own settings are tested"}
		}
		if s := t.Info().TestSetting(setting); (s == task.Paper) != (points[0].task.Info().TestSetting(setting) == task.Paper) {
			return nil, hinted{fmt.Errorf("one table would hold numbers of the paper's setting and of another (%s)", s), "give lengths that the paper tests, or others, not both"}
		}
		j.longest = max(j.longest, t.Length())
	}
	j.run = func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
		for _, p := range points {
			if p.task.Length() > m.context {
				continue
			}
			score, err := testTask(ctx, m.Model, p.task, setting, file.Data.Seed, o.examples, p.parameter, p.length)
			if err != nil {
				return out, err
			}
			out.Tasks = append(out.Tasks, score)
		}
		return out, nil
	}
	return j, nil
}
