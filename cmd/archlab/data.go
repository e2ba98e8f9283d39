package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
)

// dataset is an experiment's data, opened: what models train on, are validated on and are judged by.
type dataset struct {
	info   record.Data
	tok    data.Tokenizer // nil for tasks without text
	task   task.Task      // nil for corpora
	batch  func(step int) (family.Batch, error)
	steps  int // steps in one pass over the training data; 0: never repeats
	valid  eval.Split
	splits []eval.Split                                  // validation and test, as evaluated at the end
	tokens func(n int) ([]int32, error)                  // n tokens of test data, for measuring decoding
	window func(T int, tokens int64) (eval.Split, error) // the test split of a corpus in windows of T tokens
	closes []func() error
}

// Batch implements train.Data.
func (d *dataset) Batch(step int) (family.Batch, error) { return d.batch(step) }

// Validation implements train.Data.
func (d *dataset) Validation() (batches []family.Batch, bytes int64, err error) {
	for i := range d.valid.Batches {
		b, spelled, err := d.valid.Batch(i)
		if err != nil {
			return nil, 0, err
		}
		batches = append(batches, b)
		for _, n := range spelled {
			bytes += int64(n)
		}
	}
	return batches, bytes, nil
}

func (d *dataset) close() {
	for _, c := range d.closes {
		_ = c()
	}
}

// evalSet knows what it scores.
type evalSet interface{ Identity() string }

// evaluation lays out the splits: validation for training, and both for the end, whose identities go into the record.
func (d *dataset) evaluation(file *experiment.File, split func(s data.Split, tokens int64) (eval.Split, evalSet, error)) (err error) {
	if d.valid, _, err = split(data.Validation, file.Train.Validate.Tokens); err != nil {
		return err
	}
	var identities []string
	for _, s := range []data.Split{data.Validation, data.Test} {
		e, set, err := split(s, file.Eval.Tokens)
		if err != nil {
			return err
		}
		d.splits = append(d.splits, e)
		identities = append(identities, fmt.Sprintf("%s %.16s", s, set.Identity())) // 64 bits of a hash tell evaluations apart
	}
	d.info.EvalIdentity = strings.Join(identities, ", ")
	return nil
}

// nominalVocab is the vocabulary that the file asks for, without looking at the data.
func nominalVocab(file *experiment.File) (int, error) {
	if t := file.Data.Task; t != nil {
		opened, err := task.Open(t.Config())
		if err != nil {
			return 0, err
		}
		return opened.Info().Vocab, nil
	}
	switch t := file.Data.Tokenizer; {
	case t.Kind == "file":
		tok, err := data.OpenTokenizer(context.Background(), tokenizerConfig(file), nil, data.Cache{})
		if err != nil {
			return 0, tokenizerProblem(file, err)
		}
		return tok.Vocab(), nil
	case t.Vocab > 0:
		return t.Vocab, nil
	}
	return data.Bytes{}.Vocab(), nil
}

// tokenizerProblem points at the tokenizer's file in the experiment.
func tokenizerProblem(file *experiment.File, err error) error {
	p := file.Problem("data.tokenizer.path", "%v", err)
	if p.Hint = hintOf(err); errors.Is(err, data.ErrNotFound) {
		p.Hint = "a relative path begins where the experiment file lies"
	}
	return p
}

// tokenizerConfig is the experiment's tokenizer, its path made independent of where the file lies.
func tokenizerConfig(file *experiment.File) data.TokenizerConfig {
	t := file.Data.Tokenizer
	return data.TokenizerConfig{Kind: t.Kind, Vocab: t.Vocab, Pattern: t.Pattern, Path: file.Resolve(t.Path), TrainBytes: t.TrainBytes}
}

// openData reads the corpus or makes the task.
func openData(ctx context.Context, file *experiment.File) (*dataset, error) {
	if file.Data.Task != nil {
		return openTask(file)
	}
	return openCorpus(ctx, file)
}

func openTask(file *experiment.File) (*dataset, error) {
	x := file.Data
	t, err := task.Open(x.Task.Config())
	if err != nil {
		return nil, err
	}
	sampler, err := task.NewSampler(t, task.SamplerConfig{B: file.Train.Batch, Seed: x.Seed, Examples: x.Task.Examples})
	if err != nil {
		return nil, err
	}
	info := t.Info()
	d := &dataset{task: t, batch: sampler.Batch}
	if x.Task.Examples > 0 {
		d.steps = max(1, x.Task.Examples/file.Train.Batch)
	}
	d.info = record.Data{Task: info.Name, TaskChance: info.Chance, Vocab: info.Vocab, Tokenizer: "task", Checksum: fmt.Sprintf("%s %v examples %d seed %d", info.Name, info.Parameters, x.Task.Examples, x.Seed),
		Notes: []string{info.Source}}
	if info.ContextChance > 0 {
		d.info.Notes = append(d.info.Notes, fmt.Sprintf("guessing among what the sequence shows gives %.1f%%", 100*info.ContextChance))
	}
	d.info.Setting = info.Setting(x.Task.Examples)
	d.info.Fingerprint = "task " + info.Name
	if v, ok := t.(task.Verifiable); ok {
		d.tok = v.Tokenizer()
		d.info.Tokenizer, d.info.Fingerprint = d.tok.Name(), d.tok.Fingerprint()
	}
	// Validation and test have seeds of their own kind: the splits are disjoint by construction, and the same for all runs.
	split := func(s data.Split, tokens int64) (eval.Split, evalSet, error) {
		examples := int(max(1, tokens/int64(t.Length())))
		set, err := task.NewSet(t, s, x.Seed, file.Train.Batch, examples)
		if err != nil {
			return eval.Split{}, nil, err
		}
		return eval.Split{Name: s.String(), Batches: set.Len(), Batch: func(i int) (family.Batch, []int32, error) {
			b, err := set.Batch(i)
			return b, nil, err
		}}, set, nil
	}
	if err := d.evaluation(file, split); err != nil {
		return nil, err
	}
	d.tokens = func(n int) ([]int32, error) {
		var out []int32
		for i := 0; len(out) < n; i++ {
			out = append(out, t.Example(data.Test, x.Seed, i).Tokens...)
		}
		return out[:n], nil
	}
	return d, nil
}

func openCorpus(ctx context.Context, file *experiment.File) (*dataset, error) {
	x := file.Data
	mode := data.Packed
	if x.Boundaries == "documents" {
		mode = data.Documents
	}
	cache := data.DefaultCache()
	corpus, err := data.OpenAll(ctx, file.Sources(), x.Filters.Config(file.Resolve), 0)
	if err != nil {
		return nil, err
	}
	tok, err := data.OpenTokenizer(ctx, tokenizerConfig(file), corpus, cache)
	if err != nil {
		return nil, err
	}
	d := &dataset{tok: tok}
	fail := func(err error) (*dataset, error) {
		d.close()
		return nil, err
	}
	how, err := sampling(file, tok)
	if err != nil {
		return fail(err)
	}
	open, err := d.trainText(ctx, file, how, cache)
	if err != nil {
		return fail(err)
	}
	var streams [3]*data.Stream // of what models are judged by
	for _, s := range []data.Split{data.Validation, data.Test} {
		if streams[s], err = data.OpenStream(ctx, corpus, s, tok, cache); err != nil {
			return fail(err)
		}
		d.closes = append(d.closes, streams[s].Close)
	}
	d.info = corpusInfo(corpus, tok, streams[data.Validation].Len())
	if how != nil {
		d.info.Sampled = how.String()
		d.info.Notes = append(d.info.Notes, fmt.Sprintf("the words of the training text are cut at random, anew in each epoch: %v; validation and test are not", how))
	}
	shape := data.BatchConfig{B: file.Train.Batch, T: x.Context, Mode: mode, Seed: x.Seed}
	if x.Mixture != nil {
		err = d.mix(file, corpus, open, shape)
	} else {
		err = d.single(corpus, open, shape)
	}
	if err != nil {
		return fail(err)
	}
	split := func(s data.Split, tokens int64) (eval.Split, evalSet, error) {
		set, err := data.NewEvalSet(streams[s], data.EvalConfig{B: file.Train.Batch, T: x.Context, Mode: mode, MaxTokens: int(tokens)})
		if err != nil {
			return eval.Split{}, nil, err
		}
		return eval.Split{Name: s.String(), Batches: set.Len(), Text: true, Cluster: set.Cluster, Batch: func(i int) (family.Batch, []int32, error) {
			b, err := set.Batch(i)
			return b.Batch, b.TargetBytes, err
		}}, set, nil
	}
	if err := d.evaluation(file, split); err != nil {
		return fail(err)
	}
	d.window = func(T int, tokens int64) (eval.Split, error) {
		rows := max(1, testTokens/T)
		set, err := data.NewEvalSet(streams[data.Test], data.EvalConfig{B: rows, T: T, Mode: mode, MaxTokens: int(tokens)})
		if err != nil {
			return eval.Split{}, err
		}
		return eval.Split{Name: "test", Batches: set.Len(), Text: true, Cluster: set.Cluster, Batch: func(i int) (family.Batch, []int32, error) {
			b, err := set.Batch(i)
			return b.Batch, b.TargetBytes, err
		}}, nil
	}
	d.tokens = func(n int) ([]int32, error) {
		out := make([]int32, n)
		have := streams[data.Test].Len()
		for at := 0; at < n; at += have { // a short test split is read again: only timing depends on it
			if err := streams[data.Test].Read(out[at:min(n, at+have)], 0); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return d, nil
}

// single makes the batches of one corpus.
func (d *dataset) single(corpus *data.Corpus, open trainText, shape data.BatchConfig) error {
	text, err := open(corpus)
	if err != nil {
		return err
	}
	d.info.TrainTokens = int64(text.Len())
	batcher, err := data.NewBatcher(text, shape)
	if err != nil {
		return err
	}
	d.batch, d.steps = batcher.Batch, max(1, batcher.Windows()/shape.B)
	return nil
}

func corpusInfo(c *data.Corpus, tok data.Tokenizer, validation int) record.Data {
	info := record.Data{Corpus: c.Name, Checksum: c.Checksum, Tokenizer: tok.Name(), Fingerprint: tok.Fingerprint(), Vocab: tok.Vocab()}
	for s := range c.Bytes {
		info.Bytes += c.Bytes[s]
		info.Documents += c.Documents[s]
	}
	if validation > 0 {
		info.BytesPerToken = float64(c.Bytes[data.Validation]) / float64(validation)
	}
	for _, f := range c.Filtered {
		info.Filtered = append(info.Filtered, record.Filtered{Reason: f.Reason, Documents: f.Files, Bytes: f.Bytes})
		info.Notes = append(info.Notes, fmt.Sprintf("left out: %s (%d files, %d bytes)", f.Reason, f.Files, f.Bytes))
	}
	if c.Crowded > 0 {
		info.Notes = append(info.Notes, fmt.Sprintf("near duplicates: %s of so much boilerplate that not all pairs were compared", plural(c.Crowded, "document")))
	}
	if c.Unchecked > 0 {
		info.Notes = append(info.Notes, fmt.Sprintf("overlap: %s too short for an n-gram, so that training documents were not compared with them", plural(c.Unchecked, "evaluation text")))
	}
	return info
}

// tokenizerFile holds the vocabulary in the run directory, so that a run can be used without its corpus.
const tokenizerFile = "tokenizer.json"

// saveTokenizer keeps what may have been learned; a task without text has nothing to keep.
func saveTokenizer(dir string, tok data.Tokenizer) error {
	if tok == nil {
		return nil
	}
	var buf bytes.Buffer
	if err := data.SaveTokenizer(&buf, tok); err != nil {
		return err
	}
	return record.WriteFile(filepath.Join(dir, tokenizerFile), buf.Bytes())
}

// loadTokenizer answers the tokenizer of a run and refuses another one than the run was made with.
func loadTokenizer(r *record.Reader) (data.Tokenizer, error) {
	tok, err := data.LoadTokenizer(filepath.Join(r.Dir, tokenizerFile))
	if err != nil {
		return nil, err
	}
	if want := r.Manifest.Data.Fingerprint; tok.Fingerprint() != want {
		return nil, fmt.Errorf("vocabulary mismatch: the run's models were trained with tokenizer %s (%s), the directory holds %s (%s)",
			r.Manifest.Data.Tokenizer, want, tok.Name(), tok.Fingerprint())
	}
	return tok, nil
}
