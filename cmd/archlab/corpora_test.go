package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/fetch"
	"github.com/archlab/archlab/core/experiment"
)

func TestFetchCommand(t *testing.T) {
	library := t.TempDir()
	t.Setenv(data.LibraryEnv, library)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/m/tinystories/train-00000.parquet" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"1"`)
		fmt.Fprint(w, "the mirror's file")
	}))
	defer srv.Close()
	var out, progress bytes.Buffer
	if err := fetchAll(context.Background(), []string{"tinystories"}, srv.URL+"/m", &out, &progress); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(library, "tinystories", "train-00000.parquet")
	if out.String() != path+"\n" {
		t.Errorf("stdout %q", out.String())
	}
	for _, want := range []string{"tinystories/train-00000.parquet: 17 B", "was not pinned: trusted on first fetch"} {
		if !strings.Contains(progress.String(), want) {
			t.Errorf("stderr %q, want it to say %q", progress.String(), want)
		}
	}
	all, err := listCorpora(data.DefaultLibrary())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		f := k.Files[0]
		switch {
		case k.Name == "tinystories" && (!k.Here || f.Pinned != "lock file" || f.Size != 17):
			t.Errorf("listed as %+v", k)
		case k.Name == "tinyshakespeare" && (k.Here || f.Pinned != "catalogue"):
			t.Errorf("listed as %+v", k)
		case k.Name == "wikitext-103" && (f.Pinned != "not pinned" || f.SHA256 != ""):
			t.Errorf("listed as %+v", k)
		}
	}
	err = fetchAll(context.Background(), []string{"tinystory"}, "", &out, &progress)
	if err == nil || hintOf(err) != `did you mean "tinystories"?` {
		t.Errorf("got %v, hint %q", err, hintOf(err))
	}
	err = fetch.Fetcher{Library: data.DefaultLibrary(), Mirror: srv.URL}.Fetch(context.Background(), data.Known{Name: "x", Files: []data.KnownFile{{Name: "y", URL: "http://z"}}})
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}

// A known corpus may be given as a file, whose sum is verified all the same.
func TestKnownCorpusByPath(t *testing.T) {
	t.Setenv(data.LibraryEnv, t.TempDir())
	dir := t.TempDir()
	wrong := filepath.Join(dir, "input.txt")
	if err := os.WriteFile(wrong, []byte(strings.Repeat("First Citizen:\n", 500)), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{wrong, dir} {
		_, err := data.Open(context.Background(), data.CorpusConfig{Kind: "tinyshakespeare", Path: path})
		if err == nil || !strings.Contains(err.Error(), "not the corpus's file: SHA-256") {
			t.Errorf("%s: got %v", path, err)
		}
	}
	_, err := data.Open(context.Background(), data.CorpusConfig{Kind: "tinyshakespeare"})
	if err == nil || !strings.Contains(hintOf(err), "archlab data fetch tinyshakespeare") {
		t.Errorf("got %v, hint %q", err, hintOf(err))
	}
	if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte("name: x\ndata: {corpus: enwik8}\nmodels: [{family: bigram}]\ntrain: {budget: {tokens: 100K}}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Read(filepath.Join(dir, "x.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if ps, ok := experiment.IsProblems(corpusProblem(file)); !ok || ps[0].Path != "data.corpus" || !strings.Contains(ps[0].Hint, "archlab data fetch enwik8") {
		t.Errorf("got %v", corpusProblem(file))
	}
}

// mixtureFile writes an experiment of a mixture beside its texts.
func mixtureFile(t *testing.T, mixture, filters, budget string) *experiment.File {
	t.Helper()
	t.Setenv("ARCHLAB_CACHE_DIR", t.TempDir())
	dir := t.TempDir()
	for k, name := range []string{"a", "b"} {
		var lines strings.Builder
		for i := range 300 {
			fmt.Fprintf(&lines, "{\"text\": \"line %d of %s says %d and then %d\"}\n", i, name, i*(i+k), i*i*i)
		}
		lines.WriteString("{\"text\": \"what both sources have in common\"}\n")
		if err := os.WriteFile(filepath.Join(dir, name+".jsonl"), []byte(lines.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text := fmt.Sprintf("name: x\ndata: {mixture: %s, filters: %s, context: 16}\nmodels: [{family: bigram}]\ntrain: {budget: {tokens: %s}, batch: 4, validate: {tokens: 64}}\neval: {tokens: 256}\n", mixture, filters, budget)
	if err := os.WriteFile(filepath.Join(dir, "x.yaml"), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	file, err := experiment.Read(filepath.Join(dir, "x.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestMixtureIsRecorded(t *testing.T) {
	file := mixtureFile(t, "{sources: [{name: text, path: a.jsonl, weight: 3}, {name: text, path: b.jsonl, weight: 1, epochs: 2}]}", "{length: {min_bytes: 20}}", "120K")
	ds, err := openData(context.Background(), file)
	if err != nil {
		t.Fatal(err)
	}
	defer ds.close()
	a, b := ds.info.Sources[0], ds.info.Sources[1]
	if a.Weight != 0.75 || b.Weight != 0.25 || b.MaxEpochs != 2 || b.Epochs < 1.99 || b.Epochs > 2 || a.Share+b.Share < 0.999999 || a.Share < 0.76 {
		t.Errorf("sources %+v", ds.info.Sources)
	}
	// The batches have that share: an a and a b tell the sources apart.
	rows := map[byte]int{}
	for step := range 120_000 / 64 {
		batch, err := ds.batch(step)
		if err != nil {
			t.Fatal(err)
		}
		for row := range 4 {
			text := string(ds.tok.Decode(nil, batch.Tokens[16*row:16*row+16]))
			for _, name := range []string{" a ", " b "} {
				if strings.Contains(text, name) {
					rows[name[1]]++
				}
			}
		}
	}
	if got := float64(rows['a']) / float64(rows['a']+rows['b']); got < a.Share-0.05 || got > a.Share+0.05 {
		t.Errorf("a is in %.3f of the rows with a name, its share is %.3f", got, a.Share)
	}
	duplicates := 0
	for _, f := range ds.info.Filtered {
		if f.Reason == "exact duplicate" {
			duplicates = f.Documents
		}
	}
	notes := strings.Join(ds.info.Notes, "\n")
	if duplicates != 1 || !strings.Contains(notes, "epochs (at most 2)") || !strings.Contains(notes, "source text ") {
		t.Errorf("filtered %+v, notes %s", ds.info.Filtered, notes)
	}
	// The resolved experiment reads back as the same.
	text, err := file.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := experiment.Parse(file.Path, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := again.YAML(); err != nil || !bytes.Equal(twice, text) {
		t.Errorf("read back as %s, %v", twice, err)
	}
}

func TestMixtureThatEnds(t *testing.T) {
	file := mixtureFile(t, "{sources: [{name: text, path: a.jsonl, epochs: 1}, {name: text, path: b.jsonl, epochs: 1}], temperature: 2}", "{exact: true}", "1M")
	_, err := openData(context.Background(), file)
	ps, ok := experiment.IsProblems(err)
	if !ok || ps[0].Path != "train.budget.tokens" || !strings.Contains(ps[0].Message, "before every source has reached its epochs") {
		t.Errorf("got %v", err)
	}
}

func TestStatsCommand(t *testing.T) {
	dir := t.TempDir()
	var lines strings.Builder
	for i := range 50 {
		fmt.Fprintf(&lines, "{\"body\": \"text number %d\"}\n", i/2)
	}
	path := filepath.Join(dir, "a.jsonl")
	if err := os.WriteFile(path, []byte(lines.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	c := dataStatsCommand()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetArgs([]string{path, "--field", "body", "--json", "--examples", "1"})
	if err := c.ExecuteContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	var st data.Statistics
	if err := json.Unmarshal(out.Bytes(), &st); err != nil {
		t.Fatal(err)
	}
	few := st.Filters[0]
	if st.Documents != 50 || st.Bytes != 680 || st.Words != 150 || st.Lines != 50 || st.Duplicates.Files != 25 || st.Sizes.Median != 14 || st.Sizes.Min != 13 ||
		few.Reason != "gopher: too few words" || few.Files != 50 || len(few.Examples) != 1 || few.Examples[0].Text != "text number 0" {
		t.Errorf("got %+v", st)
	}
	out.Reset()
	c = dataStatsCommand()
	c.SetOut(&out)
	c.SetArgs([]string{path, "--field", "body"})
	if err := c.ExecuteContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"documents         50", "duplicates        25 documents", "gopher: too few words", "100.0%"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	c = dataStatsCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs([]string{path})
	if err := c.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), `a.jsonl:1: no field "text", the object has ["body"]`) {
		t.Errorf("got %v", err)
	}
}
