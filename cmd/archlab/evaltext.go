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

// asked is a task's problems at one setting, as text.
type asked struct {
	point
	longest int // tokens
	chance  float64
	list    []eval.Continuation
}

// judgeText tests models that know text on tasks whose problems are text, in their own tokens.
func (o *evalOptions) judgeText(file *experiment.File, kinds []*task.Kind) (*judge, error) {
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(k *task.Kind) bool { return !isText(k) })
	if len(kinds) == 0 || file.Data.Task != nil && !isTextTask(file.Data.Task) {
		return nil, hinted{fmt.Errorf("the models' vocabulary does not fit the suite %s: they were trained on %s, and it has tokens of its own", o.suite, learned(file)),
			"train a model with data.task, or choose another suite: archlab eval --list"}
	}
	var all []asked
	for _, k := range kinds {
		points, err := o.points(task.Config{Kind: k.Name, Preset: o.preset})
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			all = append(all, asked{point: p})
		}
	}
	j := &judge{decodes: true}
	j.open = func(_ context.Context, r *record.Reader) error {
		tok, err := loadTokenizer(r)
		if err != nil {
			return err
		}
		j.tokenizer = tok.Fingerprint()
		j.notes = []string{"the models learned " + r.Manifest.Data.Corpus + r.Manifest.Data.Task + ", not the task: an answer counts where greedy decoding writes it and then something that ends it"}
		for i := range all {
			if err := all[i].ask(tok, file.Data.Seed, o.examples); err != nil {
				return err
			}
			j.longest = max(j.longest, all[i].longest)
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
		return nil
	}
	return j, nil
}

// ask draws the problems.
func (a *asked) ask(tok data.Tokenizer, seed uint64, examples int) error {
	v := a.task.(task.Verifiable)
	for e := range examples {
		prompt := v.Prompt(data.Test, seed, e)
		answer, err := v.Solution(prompt)
		if err != nil {
			return err
		}
		c := eval.Continuation{Context: prompt, Text: answer}
		a.longest = max(a.longest, eval.WrittenTokens(tok, c))
		// A guesser writes the task's own tokens, and one that ends the answer, as where the task is learned.
		a.chance += math.Pow(a.task.Info().Chance, float64(1+len(v.Tokenizer().Encode(nil, []byte(answer))))) / float64(examples)
		a.list = append(a.list, c)
	}
	return nil
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
func (o *evalOptions) judgePositions(file *experiment.File) (*judge, error) {
	if file.Data.Task != nil {
		return nil, hinted{fmt.Errorf("the suite %s is for models trained on text; the run learned %s", o.suite, learned(file)), "for a task: task, lengths"}
	}
	T := file.Data.Context
	if o.suite == "long" {
		T *= 8
	}
	switch {
	case len(o.lengths) > 1:
		return nil, settingError{"lengths", "the suite long takes one window", ""}
	case len(o.lengths) == 1 && o.lengths[0] < 1:
		return nil, settingError{"lengths", "a window has at least 1 token", ""}
	case len(o.lengths) == 1:
		T = o.lengths[0]
	}
	j := &judge{longest: T, notes: []string{fmt.Sprintf("windows of %d tokens of the test split; models were trained on %d", T, file.Data.Context)}}
	j.open = func(ctx context.Context, r *record.Reader) (err error) {
		ds := o.data
		if ds == nil {
			if ds, err = openData(ctx, file); err != nil {
				return err
			}
			j.close = ds.close
		}
		if err := sameData(r.Manifest.Data, ds.info); err != nil {
			return err
		}
		split, err := ds.window(T, o.tokens)
		if err != nil {
			return err
		}
		j.tokenizer = ds.info.Fingerprint
		j.run = func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
			if m.context < T {
				return out, nil // a note says so
			}
			score, err := eval.Score(ctx, m.Model, split)
			if err != nil {
				return out, err
			}
			out.Positions, out.Context = score.ByPosition, file.Data.Context
			return out, nil
		}
		return nil
	}
	return j, nil
}

// judgeQuestions asks questions of the user's own.
func (o *evalOptions) judgeQuestions(file *experiment.File) (*judge, error) {
	if t := file.Data.Task; t != nil && !isTextTask(t) {
		return nil, fmt.Errorf("the models' vocabulary does not fit the suite %s: the run's task %s has tokens without a text", o.suite, t.Name)
	}
	f, err := os.Open(o.questions)
	if err != nil {
		return nil, settingError{"file", err.Error(), ""}
	}
	defer f.Close()
	var all []eval.Continuation
	var questions []eval.Choice
	if o.suite == "choice" {
		if questions, err = eval.ReadChoices(f, o.questions, o.delimiter); err != nil {
			return nil, o.formHint(err)
		}
		for _, q := range questions {
			all = append(all, q.Continuations...)
		}
	} else if all, err = eval.ReadClozes(f, o.questions); err != nil {
		return nil, o.formHint(err)
	}
	j := &judge{}
	j.open = func(_ context.Context, r *record.Reader) error {
		tok, err := loadTokenizer(r)
		if err != nil {
			return err
		}
		j.tokenizer = tok.Fingerprint()
		for _, c := range all {
			j.longest = max(j.longest, eval.Length(tok, c))
		}
		j.run = func(ctx context.Context, m *checkpointed) (out record.Judged, err error) {
			if o.suite == "choice" {
				out.Text, err = eval.Choices(ctx, m.Model, tok, m.context, questions)
			} else {
				out.Text, err = eval.Clozes(ctx, m.Model, tok, m.context, all)
			}
			return out, err
		}
		return nil
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
