package card

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/experiment"
)

// Is answers whether a file's content looks like a card rather than an experiment.
func Is(data []byte) bool { return experiment.HasKeys(data, "experiment", "checks") }

// Read reads a card's file. What is wrong comes as experiment.Problems, all of it, that of its experiments included.
func Read(path string) (*Card, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read card: %w", err)
	}
	return Parse(path, data)
}

// Parse is Read for content that is at hand; path names it in errors and is what relative paths in it are relative to.
func Parse(path string, data []byte) (*Card, error) {
	c := &Card{}
	doc, err := experiment.Decode(path, "card", data, c)
	if err != nil {
		return nil, err
	}
	c.doc = doc
	if problems := c.check(); len(problems) > 0 {
		return nil, problems
	}
	return c, nil
}

// Path is the file that the card was read from.
func (c *Card) Path() string { return c.doc.Path() }

// CaseNames lists the cases; a card without any has one, named "".
func (c *Card) CaseNames() []string {
	if len(c.Cases) == 0 {
		return []string{""}
	}
	out := make([]string, len(c.Cases))
	for i, x := range c.Cases {
		out[i] = x.Name
	}
	return out
}

// For answers the experiment of a case, with more overrides. Its name, and with it the directory of its runs, is the card's and
// the case's.
func (c *Card) For(name string, more ...string) (*experiment.File, error) {
	sets := []string{"name=" + c.runName(name)}
	for _, x := range c.Cases {
		if x.Name == name {
			sets = append(sets, x.Set...)
		}
	}
	return c.doc.Experiment(c.Experiment, append(sets, more...))
}

func (c *Card) runName(name string) string {
	if name == "" {
		return c.Name
	}
	return c.Name + "-" + name
}

// check looks across keys, and into the experiments.
func (c *Card) check() experiment.Problems {
	var out experiment.Problems
	bad := func(path, format string, args ...any) { out = append(out, c.doc.Problem(path, format, args...)) }
	if !experiment.ValidName(c.Name) {
		bad("name", "got %q, want letters, digits, dots, dashes and underscores, not beginning with a dot", c.Name)
	}
	if c.Setting == "scaled" && len(c.Scaled) == 0 {
		bad("setting", "a scaled card says under the key %q in what it is not the paper's", "scaled")
	}
	if c.Setting == "faithful" && len(c.Scaled) > 0 {
		bad("scaled", "a faithful card is the paper's own setting; write setting: scaled")
	}
	for i, x := range c.Cases {
		path := fmt.Sprintf("cases[%d].name", i)
		if !experiment.ValidName(x.Name) {
			bad(path, "got %q, want letters, digits, dots, dashes and underscores, not beginning with a dot", x.Name)
		}
		if slices.Index(c.CaseNames(), x.Name) != i {
			bad(path, "two cases are named %q", x.Name)
		}
	}
	if len(out) > 0 {
		return out
	}
	cases := map[string]*experiment.File{}
	for _, name := range c.CaseNames() {
		f, err := c.For(name)
		if ps, ok := experiment.IsProblems(err); ok {
			for _, p := range ps {
				if name != "" && p.Line == 0 { // of an override
					p.File = c.Path() + ": case " + name + ": " + p.File
				}
				if !slices.Contains(out, p) {
					out = append(out, p)
				}
			}
			continue
		}
		cases[name] = f
	}
	if len(out) > 0 {
		return out
	}
	for i, k := range c.Checks {
		if key, err := k.problem(c, cases); err != nil {
			bad(fmt.Sprintf("checks[%d].%s", i, key), "%v", err)
		}
	}
	return out
}

// problem answers the first thing that is wrong with a check, and its key.
func (k Check) problem(c *Card, cases map[string]*experiment.File) (key string, err error) {
	for i, name := range k.Cases {
		if !slices.Contains(c.CaseNames(), name) {
			return fmt.Sprintf("cases[%d]", i), unknown("case", name, c.CaseNames())
		}
	}
	for _, name := range k.in(c) {
		e := &cases[name].Experiment
		models := competitors(e)
		switch {
		case !slices.Contains(models, k.Model):
			return "model", unknown("model", k.Model, models)
		case k.Over != "" && !slices.Contains(models, k.Over):
			return "over", unknown("model", k.Over, models)
		case k.Length > 0 && !slices.Contains(e.Eval.Lengths, k.Length):
			return "length", fmt.Errorf("got %d, want one of eval.lengths, which are %v", k.Length, e.Eval.Lengths)
		case k.Decided && len(e.Seeds.Model) < 2:
			return "decided", errors.New("the experiment has one seed, which says nothing of the next; give seeds.model two or more")
		}
	}
	var given []string
	for _, x := range []struct {
		key   string
		value *float64
	}{{"at_least", k.AtLeast}, {"at_most", k.AtMost}, {"near", k.Near}} {
		if x.value != nil {
			given = append(given, x.key)
		}
	}
	switch {
	case len(given) > 1:
		return given[1], fmt.Errorf("got %s, want one of at_least, at_most, near", strings.Join(given, " and "))
	case len(given) == 0 && !k.Decided:
		return "that", errors.New("nothing is expected: want one of at_least, at_most, near, or decided")
	case (k.Near == nil) != (k.Within == nil):
		return "within", errors.New("near and within go together")
	case k.Decided && k.Over == "":
		return "decided", errors.New("a difference is decided: name the other model under the key over")
	case k.Over == k.Model:
		return "over", errors.New("a model has no difference from itself")
	case k.Decided && k.Measure == "sequence_accuracy":
		return "measure", errors.New("reports compare accuracy and bits per byte, not sequence_accuracy")
	case k.Length > 0 && (k.Split != "test" || k.Decided || k.Measure != "accuracy" && k.Measure != "loss"):
		return "length", errors.New("other lengths have an accuracy and a loss on the test split, and are not compared in reports")
	case k.Decided && k.Split != "test":
		return "split", errors.New("reports compare on the test split")
	}
	return "", nil
}

// competitors lists the names of an experiment's models and controls.
func competitors(e *experiment.Experiment) []string {
	var out []string
	for _, m := range e.Models {
		out = append(out, m.Name)
	}
	return append(out, e.Controls...)
}

// in lists the cases that a check is judged in.
func (k Check) in(c *Card) []string {
	if len(k.Cases) > 0 {
		return k.Cases
	}
	return c.CaseNames()
}

func unknown(what, name string, known []string) error {
	if near, ok := experiment.Nearest(name, known); ok {
		return fmt.Errorf("there is no %s %q; did you mean %q?", what, name, near)
	}
	return fmt.Errorf("there is no %s %q, only %s", what, name, strings.Join(known, ", "))
}

// Find lists the cards of a directory by file, in order. Files that cannot be read come as errors by path beside the others.
func Find(dir string) (cards []*Card, broken map[string]error, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, nil, err
	}
	if len(paths) == 0 {
		return nil, nil, fmt.Errorf("no cards in %s: %w", dir, os.ErrNotExist)
	}
	broken = map[string]error{}
	names := map[string]string{}
	for _, p := range paths {
		c, err := Read(p)
		if err == nil && names[c.Name] != "" {
			err = c.doc.Problem("name", "%s has the name %q as well", names[c.Name], c.Name)
		}
		if err != nil {
			broken[p] = err
			continue
		}
		names[c.Name] = p
		cards = append(cards, c)
	}
	return cards, broken, nil
}
