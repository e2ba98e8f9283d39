package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/control"
	"github.com/archlab/archlab/core/eval"
	"github.com/archlab/archlab/core/experiment"
)

// opened reads the data of an experiment of one model.
func opened(t *testing.T, dataKeys string, sets ...string) (*experiment.File, *dataset) {
	t.Helper()
	t.Setenv("ARCHLAB_CACHE_DIR", t.TempDir())
	dir := t.TempDir()
	text := fmt.Sprintf("name: x\ndata: %s\nmodels: [{family: bigram}]\ntrain: {budget: {tokens: 100K}, batch: 4, validate: {tokens: 64}}\neval: {tokens: 256}\n", dataKeys)
	if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	for i := range 400 {
		fmt.Fprintf(&words, "{\"text\": \"line %d says %d\"}\n", i, i*i)
	}
	if err := os.WriteFile(filepath.Join(dir, "words.jsonl"), []byte(words.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Read(filepath.Join(dir, "x.yaml"), sets)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := openData(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ds.close)
	return file, ds
}

const words = "{corpus: {name: text, path: words.jsonl}, context: 16}"

func TestEvaluationIsIdentified(t *testing.T) {
	for _, keys := range []string{words, "{task: induction}"} {
		_, base := opened(t, keys)
		id := base.info.EvalIdentity
		if !strings.HasPrefix(id, "validation ") || !strings.Contains(id, ", test ") {
			t.Errorf("%s: identity %q", keys, id)
		}
		// What models are trained on, how, and how rows are batched is not what they are judged by.
		for _, set := range []string{"train.batch=2", "train.validate.tokens=32", "train.budget.tokens=200K"} {
			if _, d := opened(t, keys, set); d.info.EvalIdentity != id {
				t.Errorf("%s: %s changes the evaluation", keys, set)
			}
		}
		if _, d := opened(t, keys, "eval.tokens=128"); d.info.EvalIdentity == id {
			t.Errorf("%s: fewer tokens are the same evaluation", keys)
		}
	}
	_, one := opened(t, "{task: induction}")
	_, two := opened(t, "{task: induction, seed: 2}")
	if one.info.EvalIdentity == two.info.EvalIdentity {
		t.Error("another seed of the data draws the same test set")
	}
}

func TestRowsOfTextKnowTheirDocument(t *testing.T) {
	_, ds := opened(t, words)
	documents := map[int64]bool{}
	for _, s := range ds.splits {
		for i := range s.Batches {
			documents[s.Cluster(i, 0)] = true
		}
	}
	if len(documents) < 3 || documents[0] {
		t.Errorf("first rows are of documents %v", documents)
	}
	_, ds = opened(t, "{task: induction}")
	if ds.splits[0].Cluster != nil {
		t.Error("examples of a task are independent, but have clusters")
	}
}

func TestSettingIsRecorded(t *testing.T) {
	for keys, want := range map[string]string{
		"{task: {name: mqar, preset: paper, examples: 100K}}":     "paper",
		"{task: {name: mqar, vocab: 8192, length: 64, pairs: 4}}": "changed: fresh training examples (paper 100000 fixed ones)",
		"{task: {name: induction, length: 32}}":                   "scaled down: length 32 (paper 256)",
		"{task: addition}":                                        "changed: work true (paper false), reversed false (paper true), fresh training examples (paper 10000 fixed ones)",
		words:                                                     "",
	} {
		if _, ds := opened(t, keys); ds.info.Setting != want {
			t.Errorf("%s: setting %q, want %q", keys, ds.info.Setting, want)
		}
	}
}

func TestNGramLearnsWhatATaskAsks(t *testing.T) {
	// It counts the completions, which are scored, and neither prompts nor padding.
	_, ds := opened(t, "{task: {name: addition, min_digits: 1, max_digits: 1}}")
	c, tokens, err := makeControl(context.Background(), "ngram", ds, 200)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(200 * 4 * ds.task.Length()); tokens != want {
		t.Errorf("saw %d tokens, want %d", tokens, want)
	}
	m := c.(*control.NGram)
	scored := int64(0)
	for step := range 200 {
		b, err := ds.batch(step)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range b.Weights {
			if w != 0 {
				scored++
			}
		}
	}
	if m.Tokens() != scored {
		t.Errorf("counted %d targets, the batches ask for %d", m.Tokens(), scored)
	}

	// In recall, what is asked after a key is a value: never the token that fills the next place.
	_, ds = opened(t, "{task: {name: mqar, vocab: 80, length: 64, pairs: 8}}")
	c, _, err = makeControl(context.Background(), "ngram", ds, 300)
	if err != nil {
		t.Fatal(err)
	}
	s, err := eval.Score(context.Background(), scorer{c}, ds.splits[1])
	if err != nil {
		t.Fatal(err)
	}
	// Knowing that the answer is one of 40 values costs ln 40 = 3.69 nats; knowing nothing costs ln 80 = 4.38.
	if s.Loss > 4 {
		t.Errorf("loss %.2f nats: it has not learned that answers are values", s.Loss)
	}
}

func TestFullControlIsNoted(t *testing.T) {
	_, ds := opened(t, words)
	for memory, want := range map[int64]bool{0: false, 1 << 10: true} {
		m, _, err := countNGrams(context.Background(), control.NGramConfig{Vocab: ds.info.Vocab, MaxMemory: memory}, ds.batch, 50)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(controlNotes("ngram", m), "\n"); strings.Contains(got, "control ngram: its tables were full") != want {
			t.Errorf("memory %d: notes %q", memory, got)
		}
	}
	if notes := controlNotes("table", control.Table{Vocab: 5}); notes != nil {
		t.Errorf("notes %q", notes)
	}
}

func TestOnlyAnswersVote(t *testing.T) {
	file, ds := opened(t, "{task: {name: addition, min_digits: 1, max_digits: 2}}")
	p, err := newProblems(ds, file)
	if err != nil {
		t.Fatal(err)
	}
	check := p.Problem(0).Check
	for completion, want := range map[string]string{
		"": "", "12": "", ":": "", ":012": "", "7+5+0=12": "", ":1:2": "", ": 12": "", ":12x": "",
		":0": "0", ":12": "12", "7+5+0=12:12": "12", "nonsense:7": "7",
	} {
		answer, _ := check(ds.tok.Encode(nil, []byte(completion)))
		if answer != want {
			t.Errorf("%q: answer %q, want %q", completion, answer, want)
		}
	}
	// An unreadable completion is never right.
	for i := range 20 {
		if answer, ok := p.Problem(i).Check(data.PromptTokens(ds.tok, nil)); ok || answer != "" {
			t.Errorf("problem %d: an empty completion answers %q, right %v", i, answer, ok)
		}
	}
}
