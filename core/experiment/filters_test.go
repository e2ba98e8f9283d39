package experiment

import (
	"reflect"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
)

func textFile(t *testing.T, dataKeys string) (*File, error) {
	t.Helper()
	return Parse("dir/x.yaml", []byte("name: x\ndata: "+dataKeys+"\nmodels: [{family: f}]\ntrain: {budget: {tokens: 100K}}\n"), nil)
}

// A filter without settings has those of its paper.
func TestFiltersAreThePublishedOnes(t *testing.T) {
	f, err := textFile(t, "{corpus: gosrc, filters: {c4: {}, length: {}, gopher: {}, repetition: {}, exact: true, near: {}, decontaminate: {files: [a.jsonl, /b]}}}")
	if err != nil {
		t.Fatal(err)
	}
	got := f.Data.Filters.Config(f.Resolve)
	c4, gopher, repetition, near, overlap := data.PublishedC4, data.PublishedGopher, data.PublishedRepetition, data.PublishedNear, data.PublishedDecontaminate
	overlap.Files = []string{"dir/a.jsonl", "/b"}
	want := data.Filters{C4: &c4, Length: &data.Length{}, Gopher: &gopher, Repetition: &repetition, Exact: true, Near: &near, Decontaminate: &overlap}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := got.Check(); err != nil {
		t.Error(err)
	}
	listed, err := textFile(t, "{corpus: gosrc, filters: {c4: {words: list.txt}}}")
	if err != nil {
		t.Fatal(err)
	}
	if got := listed.Data.Filters.Config(listed.Resolve).C4.Words; got != "dir/list.txt" || len(listed.Paths()) != 2 {
		t.Errorf("the list of words is %q, %d paths", got, len(listed.Paths()))
	}
	var none *Filters
	if got := none.Config(f.Resolve); !reflect.DeepEqual(got, data.Filters{}) {
		t.Errorf("no filters are %+v", got)
	}
}

func TestSources(t *testing.T) {
	_, err := textFile(t, "{mixture: {sources: [{name: gosrc}, enwik8]}}")
	if err == nil || !strings.Contains(err.Error(), "sources[1]: got \"enwik8\", want a mapping") {
		t.Errorf("got %v", err)
	}
	f, err := textFile(t, "{mixture: {sources: [{name: gosrc, max_bytes: 1MB}, {name: text, path: a, field: body, id: url}, {name: code, path: /src, extensions: [.py]}, {name: enwik8}], temperature: 3}}")
	if err != nil {
		t.Fatal(err)
	}
	want := []data.CorpusConfig{{Kind: "gosrc", MaxBytes: 1e6}, {Kind: "text", Path: "dir/a", Field: "body", ID: "url"}, {Kind: "code", Path: "/src", Extensions: []string{".py"}}, {Kind: "enwik8"}}
	if got := f.Sources(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if n := len(f.Paths()); n != 4 {
		t.Errorf("%d paths", n)
	}
}

func TestTextProblems(t *testing.T) {
	for keys, want := range map[string]string{
		"{corpus: gosrc, mixture: {sources: [{name: gosrc}]}}": "data.mixture: want exactly one of corpus, mixture and task",
		"{}":              "data: want exactly one of corpus, mixture and task",
		"{corpus: enwik}": `data.corpus.name: got "enwik", want one of gosrc, text, code, enwik8`,
		"{corpus: code}":  `missing key "path": the corpus code is files of yours`,
		"{corpus: {name: code, path: a, field: x}}":                               "data.corpus.field: the corpus code takes no field",
		"{corpus: {name: enwik8, id: x}}":                                         "data.corpus.id: the corpus enwik8 takes no id",
		"{corpus: {name: text, path: a, extensions: [.go]}}":                      "data.corpus.extensions: the corpus text takes no extensions",
		"{mixture: {sources: []}}":                                                "data.mixture.sources: got 0 items, want at least 1",
		"{mixture: {sources: [{name: gosrc, weight: 1}, {name: text, path: a}]}}": "1 of 2 sources have a weight; give all of them one, or none",
		"{mixture: {sources: [{name: gosrc, weight: 0}]}}":                        "data.mixture.sources[0].weight: got 0, want more",
		"{mixture: {sources: [{name: gosrc, weight: 1}], temperature: 2}}":        "data.mixture.temperature: the sources have weights, which decide alone",
		"{mixture: {sources: [{name: gosrc, epoch: 1}]}}":                         "data.mixture.sources[0].epoch: unknown key",
		"{task: induction, filters: {exact: true}}":                               "data.filters: a task has no documents to filter",
		"{corpus: gosrc, filters: {near: {hashes: 100, bands: 7}}}":               "data.filters.near.hashes: got 100 hashes in 7 bands",
		"{corpus: gosrc, filters: {gopher: {min_words: 9, max_words: 5}}}":        "data.filters.gopher",
		"{corpus: gosrc, filters: {repetition: {max_top: [1, 1]}}}":               "data.filters.repetition.max_top: got 2 items, want at least 3",
		"{corpus: gosrc, filters: {repetition: {max_top: [0.1, 0.2, 3]}}}":        "data.filters.repetition",
		"{corpus: gosrc, filters: {decontaminate: {splits: false}}}":              "data.filters.decontaminate",
		"{corpus: gosrc, filters: {gofer: {}}}":                                   "did you mean \"gopher\"?",
		"{corpus: {name: enwik8, split: contiguous, max_bytes: 5MB}}":             "data.corpus.max_bytes: a contiguous split keeps all of the text",
	} {
		_, err := textFile(t, keys)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", keys, err, want)
		}
	}
}
