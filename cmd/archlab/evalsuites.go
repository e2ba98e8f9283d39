package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

// suite is a measurement that is not a task's.
type suite struct{ Name, Summary string }

// The suites for the run's own data and for text.
var suites = []suite{
	{"task", "the run's own task, as trained"},
	{"lengths", "the run's own task at 1 to 64 times the length of its training"},
	{"positions", "text: bits per byte by position in the training context, on the corpus's test split"},
	{"long", "text: the same beyond the training context, in windows of 8 times its length"},
	{"choice", "text: multiple choice out of --file, in lm-evaluation-harness's JSON lines: acc, acc_norm, acc_bytes, bpb"},
	{"cloze", "text: continuations out of --file: acc of greedy decoding, perplexity, bpb"},
}

// judge prepares a suite for a run.
func (o *evalOptions) judge(ctx context.Context, r *record.Reader, file *experiment.File) (*judge, error) {
	switch o.suite {
	case "positions", "long":
		return o.judgePositions(ctx, r, file)
	case "choice", "cloze":
		return o.judgeQuestions(r, file)
	case "task", "lengths":
		if file.Data.Task == nil {
			return nil, hinted{fmt.Errorf("the suite %s is for models trained on a task; the run learned the corpus %s", o.suite, r.Manifest.Data.Corpus), "for text: positions, long, choice, cloze, needle"}
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
	return o.judgeText(r, file, kinds)
}

func unknownSuite(name string) error {
	names := task.Names()
	for _, k := range task.Kinds {
		if !slices.Contains(names, k.Suite) {
			names = append(names, k.Suite)
		}
	}
	for _, s := range suites {
		names = append(names, s.Name)
	}
	hint := "archlab eval --list names them"
	if near, ok := experiment.Nearest(name, names); ok {
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
			return nil, usageError{fmt.Sprintf("--lengths: the task %s has no setting that measures length", c.Kind), ""}
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
		out = append(out, times*trained)
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
			return nil, hinted{fmt.Errorf("the models' vocabulary does not fit: they know %d token ids, the task %s with preset %s has %d", want, kind, o.preset, got), "without --preset the run's own settings are tested"}
		}
		if s := t.Info().TestSetting(setting); (s == task.Paper) != (points[0].task.Info().TestSetting(setting) == task.Paper) {
			return nil, hinted{fmt.Errorf("one table would hold numbers of the paper's setting and of another (%s)", s), "give --lengths that the paper tests, or others, not both"}
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

// judgeText tests models that know text on tasks whose problems are text, in their own tokens.
func (o *evalOptions) judgeText(r *record.Reader, file *experiment.File, kinds []*task.Kind) (*judge, error) {
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(k *task.Kind) bool { return !isText(k) })
	if len(kinds) == 0 || file.Data.Task != nil && !isTextTask(file.Data.Task) {
		have := "text"
		if t := file.Data.Task; t != nil {
			have = "the task " + t.Name
		}
		return nil, hinted{fmt.Errorf("the models' vocabulary does not fit the suite %s: they were trained on %s (%d token ids), and it has tokens of its own", o.suite, have, r.Manifest.Data.Vocab),
			"train a model with data.task, or choose another suite: archlab eval --list"}
	}
	tok, err := loadTokenizer(r)
	if err != nil {
		return nil, err
	}
	type asked struct {
		point
		longest int // tokens
		chance  float64
		list    []eval.Continuation
	}
	var all []asked
	j := &judge{tokenizer: tok.Fingerprint(), decodes: true,
		notes: []string{"the models learned " + r.Manifest.Data.Corpus + r.Manifest.Data.Task + ", not the task: an answer counts where greedy decoding writes it and then something that ends it"}}
	for _, k := range kinds {
		points, err := o.points(task.Config{Kind: k.Name, Preset: o.preset})
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			a := asked{point: p}
			v := p.task.(task.Verifiable)
			for e := range o.examples {
				prompt := v.Prompt(data.Test, file.Data.Seed, e)
				answer, err := v.Solution(prompt)
				if err != nil {
					return nil, err
				}
				c := eval.Continuation{Context: prompt, Text: answer}
				a.longest = max(a.longest, eval.WrittenTokens(tok, c))
				// A guesser writes the task's own tokens, and one that ends the answer, as where the task is learned.
				a.chance += math.Pow(p.task.Info().Chance, float64(1+len(v.Tokenizer().Encode(nil, []byte(answer))))) / float64(o.examples)
				a.list = append(a.list, c)
			}
			j.longest = max(j.longest, a.longest)
			all = append(all, a)
		}
	}
	j.run = func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
		for _, a := range all {
			if a.longest > m.context {
				continue
			}
			right, err := eval.Written(ctx, m.Model, tok, a.list)
			if err != nil {
				return out, err
			}
			out.Tasks = append(out.Tasks, eval.GradeWhole(right, eval.TaskSetting{Task: a.task.Info().Name, Parameter: a.parameter, Length: a.length,
				T: a.longest, Setting: "not trained on it", Chance: a.chance}))
		}
		return out, nil
	}
	return j, nil
}

// isText says whether a kind's problems are text.
func isText(k *task.Kind) bool {
	t, err := task.Open(task.Config{Kind: k.Name})
	_, ok := t.(task.Verifiable)
	return err == nil && ok
}

func isTextTask(t *experiment.Task) bool {
	k, ok := task.Find(t.Name)
	return ok && isText(k)
}

// judgePositions scores the corpus's test split in windows of the training context or longer ones.
func (o *evalOptions) judgePositions(ctx context.Context, r *record.Reader, file *experiment.File) (*judge, error) {
	if file.Data.Task != nil {
		return nil, hinted{fmt.Errorf("the suite %s is for models trained on text; the run learned the task %s", o.suite, file.Data.Task.Name), "for a task: task, lengths"}
	}
	ds, err := openData(ctx, file)
	if err != nil {
		return nil, err
	}
	if err := sameData(r.Manifest.Data, ds.info); err != nil {
		ds.close()
		return nil, err
	}
	T := file.Data.Context
	if o.suite == "long" {
		T *= 8
	}
	switch {
	case len(o.lengths) > 1:
		ds.close()
		return nil, usageError{"--lengths: the suite long takes one window", ""}
	case len(o.lengths) == 1:
		T = o.lengths[0]
	}
	split, err := ds.window(T, o.tokens)
	if err != nil {
		ds.close()
		return nil, err
	}
	return &judge{tokenizer: ds.info.Fingerprint, longest: T, close: ds.close,
		notes: []string{fmt.Sprintf("windows of %d tokens of the test split; models were trained on %d", T, file.Data.Context)},
		run: func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
			if m.context < T {
				return out, nil // a note says so
			}
			score, err := eval.Score(ctx, m.Model, split)
			if err != nil {
				return out, err
			}
			out.Positions, out.Context = score.ByPosition, file.Data.Context
			return out, nil
		}}, nil
}

// judgeQuestions asks questions of the user's own.
func (o *evalOptions) judgeQuestions(r *record.Reader, file *experiment.File) (*judge, error) {
	if t := file.Data.Task; t != nil && !isTextTask(t) {
		return nil, fmt.Errorf("the models' vocabulary does not fit the suite %s: the run's task %s has tokens without a text", o.suite, t.Name)
	}
	tok, err := loadTokenizer(r)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	defer f.Close()
	j := &judge{tokenizer: tok.Fingerprint()}
	var all []eval.Continuation
	switch o.suite {
	case "choice":
		questions, err := eval.ReadChoices(f, o.file, o.delimiter)
		if err != nil {
			return nil, o.formHint(err)
		}
		for _, q := range questions {
			all = append(all, q.Continuations...)
		}
		j.run = func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
			out.Text, err = eval.Choices(ctx, m.Model, tok, m.context, questions)
			return out, err
		}
	default:
		list, err := eval.ReadClozes(f, o.file)
		if err != nil {
			return nil, o.formHint(err)
		}
		all = list
		j.run = func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
			out.Text, err = eval.Clozes(ctx, m.Model, tok, m.context, list)
			return out, err
		}
	}
	for _, c := range all {
		j.longest = max(j.longest, eval.Length(tok, c))
	}
	return j, nil
}

// formHint shows a form of a question where a line is none.
func (o *evalOptions) formHint(err error) error {
	form := `{"query": "...", "choices": ["...", "..."], "gold": 0}`
	if o.suite == "cloze" {
		form = `{"context": "...", "target": " ..."}`
	}
	return hinted{err, "a line is e.g. " + form + "; docs/tasks.md shows the other forms"}
}
