package experiment

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/archlab/archlab/core/data"
)

// check looks across fields, after each has been checked by itself.
func (d *decoder) check(e *Experiment) {
	bad := func(path, hint, format string, args ...any) { d.checkf(path, hint, format, args...) }
	if e.Name != "" && !validName(e.Name) {
		bad("name", "", "got %q, want letters, digits, dots, dashes and underscores, not beginning with a dot", e.Name)
	}
	if d.at["data"] != nil {
		d.checkData(&e.Data)
	}
	d.checkModels(e)
	if d.at["train.budget"] != nil && d.at["train.budget"].Kind == yaml.MappingNode {
		var given []string
		for _, k := range []string{"tokens", "flops", "seconds"} {
			if d.at["train.budget."+k] != nil {
				given = append(given, k)
			}
		}
		if len(given) != 1 {
			got := "none"
			if len(given) > 1 {
				got = strings.Join(given, " and ")
			}
			bad("train.budget", "", "got %s, want exactly one of tokens, flops, seconds", got)
		}
	}
	d.checkOptimizer(&e.Train, e.Tune != nil)
	if e.Tune != nil {
		d.checkTune(e)
	}
	t := e.Train
	if t.Batch > 0 && t.MicroBatches > 0 && t.Batch%t.MicroBatches != 0 {
		bad("train.micro_batches", "", "got %d, want a divisor of train.batch, which is %d", t.MicroBatches, t.Batch)
	}
	if s := t.Schedule; s.Kind == "wsd" && s.Warmup+s.Decay > 1 {
		bad("train.schedule.decay", "", "warmup %s and decay %s together exceed the budget", formatNumber(s.Warmup, "fraction"), formatNumber(s.Decay, "fraction"))
	}
	if b := t.Budget.Tokens; b > 0 && t.Batch > 0 && e.Data.Context > 0 && b < int64(t.Batch)*int64(e.Data.Context) {
		bad("train.budget.tokens", "", "got %s, less than one step of batch x context = %d tokens", formatNumber(float64(b), "count"), t.Batch*e.Data.Context)
	}
	distinct(bad, "seeds.model", e.Seeds.Model)
	distinct(bad, "controls", e.Controls)
	distinct(bad, "eval.decode", e.Eval.Decode)
	for i, n := range e.Eval.Decode {
		if n < 1 || n > 1<<20 {
			bad(fmt.Sprintf("eval.decode[%d]", i), "", "got %d, want a length from 1 to %d", n, 1<<20)
		}
	}
	d.checkLengths(e)
	if e.TTC != nil {
		d.checkTTC(e)
	}
}

func (d *decoder) checkData(x *Data) {
	given := []string{}
	for _, k := range []struct {
		key   string
		there bool
	}{{"corpus", x.Corpus != nil}, {"mixture", x.Mixture != nil}, {"task", x.Task != nil}} {
		if k.there {
			given = append(given, k.key)
		}
	}
	switch len(given) {
	case 0:
		d.checkf("data", "", "want exactly one of corpus, mixture and task")
	case 1:
	default:
		d.checkf("data."+given[len(given)-1], "", "want exactly one of corpus, mixture and task")
	}
	d.checkText(x)
	if x.Task != nil {
		d.checkTask(x)
	}
	switch {
	case x.Task != nil && d.at["data.tokenizer"] != nil:
		d.checkf("data.tokenizer", "", "a task brings its own tokens; remove the key")
	case x.Task != nil:
		x.Tokenizer = Tokenizer{}
	default:
		d.checkTokenizer(x.Tokenizer)
	}
}

// checkTokenizer refuses what a kind of tokenizer has no use for, and misses what it needs.
func (d *decoder) checkTokenizer(t Tokenizer) {
	if t.Kind == "" {
		return // told already
	}
	learned := t.Kind != "bytes" && t.Kind != "file"
	unused := func(key string, given bool, hint string) {
		if given {
			d.checkf("data.tokenizer."+key, hint, "the tokenizer %s takes no %s", t.Kind, key)
		}
	}
	if t.Kind == "bytes" && t.Vocab != 0 && t.Vocab != 257 {
		d.checkf("data.tokenizer.vocab", "", "the tokenizer bytes always has 257 ids; remove the key")
	}
	if t.Kind == "file" {
		unused("vocab", t.Vocab > 0, "the file says how many ids there are")
		if t.Path == "" {
			d.checkf("data.tokenizer", "", "missing key %q: a tokenizer.json, a SentencePiece model or a tiktoken rank file", "path")
		}
	} else {
		unused("path", t.Path != "", "use kind file for a tokenizer that exists")
	}
	if t.Kind == "bytes" || t.Kind == "wordpiece" {
		unused("pattern", t.Pattern != "", "")
	}
	if t.Kind != "file" {
		unused("sampling", t.Sampling != nil && t.Kind != "unigram", "sampling is for unigram; bpe and char-bpe have dropout")
		unused("dropout", t.Dropout != nil && t.Kind != "bpe" && t.Kind != "char-bpe", "dropout is for bpe and char-bpe; unigram has sampling")
	}
	if t.Sampling != nil && t.Dropout != nil {
		d.checkf("data.tokenizer.dropout", "", "a tokenizer is sampled in one way: want one of sampling and dropout")
	}
	if !learned {
		unused("train_bytes", t.TrainBytes > 0, "")
		return
	}
	switch least := data.LeastVocab(t.Kind); {
	case t.Vocab == 0:
		d.checkf("data.tokenizer", "", "missing key %q: %s needs the number of token ids, at least %d", "vocab", t.Kind, least)
	case t.Vocab < least:
		d.checkf("data.tokenizer.vocab", "", "got %d, want at least %d", t.Vocab, least)
	}
}

func (d *decoder) checkModels(e *Experiment) {
	seen := map[string]bool{}
	for i := range e.Models {
		m := &e.Models[i]
		path := fmt.Sprintf("models[%d]", i)
		if m.Name == "" {
			m.Name = m.Family
		}
		if m.Name == "" {
			continue
		}
		if !validName(m.Name) {
			d.checkf(path+".name", "", "got %q, want letters, digits, dots, dashes and underscores, not beginning with a dot", m.Name)
		}
		if seen[m.Name] {
			d.checkf(path+".name", "", "two models are named %q; give each its own name", m.Name)
		}
		seen[m.Name] = true
	}
	for i, c := range e.Controls {
		if seen[c] {
			d.checkf(fmt.Sprintf("controls[%d]", i), "", "a model is named %q as well; give the model another name", c)
		}
	}
}

func (d *decoder) checkTTC(e *Experiment) {
	distinct(func(path, hint, format string, args ...any) { d.checkf(path, hint, format, args...) }, "ttc.strategies", e.TTC.Strategies)
	distinct(func(path, hint, format string, args ...any) { d.checkf(path, hint, format, args...) }, "ttc.samples", e.TTC.Samples)
	for i, n := range e.TTC.Samples {
		if n < 1 || n > 4096 {
			d.checkf(fmt.Sprintf("ttc.samples[%d]", i), "", "got %d, want 1 to 4096 samples", n)
		}
	}
	if e.Data.Task == nil || e.Data.Task.Name != e.TTC.Task {
		d.checkf("ttc.task", fmt.Sprintf("set data.task to {name: %s}", e.TTC.Task), "the models do not learn the task %q: data has another one or a corpus", e.TTC.Task)
	}
}

// checkf reports a problem at a key path, or at the nearest enclosing key that is in the file.
func (d *decoder) checkf(path, hint, format string, args ...any) {
	for p := path; ; {
		if n := d.at[p]; n != nil {
			d.problem(n, path, hint, format, args...)
			return
		}
		i := strings.LastIndexAny(p, ".[")
		if i < 0 {
			break
		}
		p = p[:i]
	}
	d.problem(d.at[""], path, hint, format, args...)
}

// distinct refuses repeated items.
func distinct[T comparable](bad func(path, hint, format string, args ...any), path string, list []T) {
	seen := map[T]bool{}
	for i, x := range list {
		if seen[x] {
			bad(fmt.Sprintf("%s[%d]", path, i), "", "%v is there twice", x)
		}
		seen[x] = true
	}
}

// validName keeps names that become directories.
func validName(s string) bool {
	if len(s) > 100 || strings.HasPrefix(s, ".") {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+") == ""
}

// ValidName answers whether a name may become a directory of runs.
func ValidName(s string) bool { return s != "" && validName(s) }
