package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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
// come back together, with the commands that measure them again. Results that an earlier session kept are taken over.
func runSuites(ctx context.Context, host hostOptions, dir string, f *fleet, file *experiment.File, ds *dataset, stderr io.Writer) (again []string, err error) {
	var failed []error
	for _, o := range suiteOptions(file) {
		o.hostOptions, o.data = host, ds
		r, err := record.Open(dir)
		if err != nil {
			return nil, err
		}
		models, err := o.models(r)
		if err != nil {
			return nil, err
		}
		m := measurement{evalOptions: o, fleet: f, run: r, file: file, stderr: stderr}
		if _, err := m.measure(ctx, models, true); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			failed, again = append(failed, fmt.Errorf("suite %s: %w", o.suite, err)), append(again, commandLine(o.args(dir)))
		}
	}
	return again, errors.Join(failed...)
}

// args is the command line that measures the same suite on the run in dir.
func (o *evalOptions) args(dir string) []string {
	out := []string{"archlab", "eval", dir, "--suite", o.suite}
	add := func(name, value string, given bool) {
		if given {
			out = append(out, "--"+name, value)
		}
	}
	add("preset", o.preset, o.preset != "")
	add("lengths", strings.Trim(strings.ReplaceAll(fmt.Sprint(o.lengths), " ", ","), "[]"), len(o.lengths) > 0)
	add("examples", strconv.Itoa(o.examples), o.examples != defaultExamples)
	add("tokens", strconv.FormatInt(o.tokens, 10), o.tokens != defaultTokens)
	add("file", o.questions, o.questions != "")
	add("delimiter", o.delimiter, o.delimiter != defaultDelimiter)
	for _, d := range o.dirs {
		add("plugin-dir", d, true)
	}
	return out
}

// commandLine writes arguments as a POSIX shell reads them.
func commandLine(args []string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("-_./,:=+@%", r)
	}
	var out []string
	for _, a := range args {
		if a == "" || strings.ContainsFunc(a, func(r rune) bool { return !plain(r) }) {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}
