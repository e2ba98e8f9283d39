package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

// suiteOptions is eval.suites of an experiment as the command line of eval would say it.
func suiteOptions(file *experiment.File) []*evalOptions {
	var out []*evalOptions
	for _, s := range file.Eval.Suites {
		o := &evalOptions{suite: s.Name, preset: s.Preset, lengths: s.Lengths, examples: cmp.Or(s.Examples, defaultExamples), tokens: cmp.Or(s.Tokens, defaultTokens),
			delimiter: defaultDelimiter, which: newestCheckpoint}
		if s.File != "" {
			o.questions = file.Resolve(s.File)
		}
		if s.Delimiter != nil {
			o.delimiter = *s.Delimiter
		}
		out = append(out, o)
	}
	return out
}

// suitesProblem says what is wrong with eval.suites: what eval would refuse, and two suites whose results would have one name.
func suitesProblem(file *experiment.File) error {
	var all []error
	seen := map[string]bool{}
	for i, o := range suiteOptions(file) {
		s := file.Eval.Suites[i]
		if s.Name == "" {
			continue // told already
		}
		given := map[string]bool{"preset": s.Preset != "", "lengths": len(s.Lengths) > 0, "examples": s.Examples > 0, "tokens": s.Tokens > 0, "file": s.File != "", "delimiter": s.Delimiter != nil}
		err := o.foreign(func(key string) bool { return given[key] })
		if err == nil {
			err = o.check()
		}
		if err == nil {
			_, err = o.judge(file)
		}
		if err == nil && seen[o.name()] {
			err = fmt.Errorf("two suites would be kept as evals/%s.json", o.name())
		}
		seen[o.name()] = true
		if err == nil {
			continue
		}
		path, message := fmt.Sprintf("eval.suites[%d]", i), err.Error()
		var wrong settingError
		if errors.As(err, &wrong) {
			path, message = path+"."+wrong.key, wrong.message
		}
		p := file.Problem(path, "%s", message)
		p.Hint = hintOf(err)
		all = append(all, p)
	}
	return file.Join(all...)
}

// runSuites measures eval.suites on the trainings of a run, as eval does. One that cannot be measured keeps no other from being so: their errors
// come back together. Results that an earlier session kept are taken over.
func runSuites(ctx context.Context, dir string, f *fleet, file *experiment.File, ds *dataset, stderr io.Writer) error {
	var failed []error
	for _, o := range suiteOptions(file) {
		o.data = ds
		r, err := record.Open(dir)
		if err != nil {
			return err
		}
		models, err := o.models(r)
		if err != nil {
			return err
		}
		m := measurement{evalOptions: o, fleet: f, run: r, file: file, stderr: stderr}
		if _, err := m.measure(ctx, models, true); err != nil {
			if ctx.Err() != nil {
				return err
			}
			failed = append(failed, fmt.Errorf("suite %s: %w", o.suite, err))
		}
	}
	return errors.Join(failed...)
}
