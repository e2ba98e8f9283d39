package data

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestDecontaminate(t *testing.T) {
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("%03d.txt", i)] = prose(uint64(i), 12)
	}
	question := strings.TrimSpace(prose(5000, 2)) // 18 words
	files["leak.txt"] = prose(6001, 6) + strings.ToUpper(strings.ReplaceAll(question, " ", ",  ")) + prose(6002, 6)
	files["part.txt"] = prose(6003, 6) + strings.Join(strings.Fields(question)[:12], " ") + ". " + prose(6004, 6)
	common := strings.TrimSpace(prose(5001, 2))
	for i := range 60 {
		files[fmt.Sprintf("common%02d.txt", i)] = prose(uint64(7000+i), 8) + common
	}
	example := func(text string) string {
		b, err := json.Marshal(map[string]any{"id": 7, "doc": map[string]any{"question": text, "choices": []string{"yes", "no"}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + "\n"
	}
	dir := tree(t, files)
	tasks := tree(t, map[string]string{"task.jsonl": example(question) + "\n" + example(common) + example("too short"), "task.jsonl.gz": gz(example(question)), "bad.jsonl": "{}\n{oops\n"})
	open := func(d Decontaminate) (*Corpus, map[string]int) {
		c, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: dir, DocumentBytes: -1}}, Filters{Decontaminate: &d}, 5)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, f := range c.Filtered {
			for _, e := range f.Examples {
				got[f.Reason+" "+e.Name]++
			}
			got[f.Reason] = f.Files
		}
		return c, got
	}
	// The two documents may lie in validation or test, where nothing is removed; the contents are fixed, so that it is always alike.
	d := PublishedDecontaminate
	d.Splits, d.Files = false, []string{filepath.Join(tasks, "task.jsonl")}
	c, got := open(d)
	if got[filesReason] != 1 || got[filesReason+" leak.txt"] != 1 {
		t.Errorf("removed %v, want leak.txt alone: twelve words are no 13-gram, and what 60 documents share is a phrase", got)
	}
	if c.Unchecked != 1 {
		t.Errorf("%d texts unchecked, want 1", c.Unchecked)
	}
	d.Files = []string{filepath.Join(tasks, "task.jsonl.gz")}
	if _, got := open(d); got[filesReason] != 1 {
		t.Errorf("removed %v by a compressed file", got)
	}
	d.Words = 12
	if _, got := open(d); got[filesReason] != 2 {
		t.Errorf("12-grams removed %v, want leak.txt and part.txt", got)
	}
	d.Words, d.Common, d.Files = 13, 0, []string{filepath.Join(tasks, "task.jsonl")}
	if _, got := open(d); got[filesReason] < 20 {
		t.Errorf("removed %v without a bound on common phrases", got)
	}
	// Against the splits, the phrase of 60 documents links train with validation or test.
	d = PublishedDecontaminate
	d.Common = 0
	before, _ := open(Decontaminate{Words: 13, Common: 0, Files: []string{filepath.Join(tasks, "task.jsonl.gz")}})
	after, got := open(d)
	if got[splitsReason] < 20 || after.Documents[Validation] != before.Documents[Validation] || after.Documents[Test] != before.Documents[Test] || after.Checksum == before.Checksum {
		t.Errorf("removed %v; documents %v, before %v", got, after.Documents, before.Documents)
	}
	d.Files = []string{filepath.Join(tasks, "bad.jsonl")}
	_, err := OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: dir, DocumentBytes: -1}}, Filters{Decontaminate: &d}, 0)
	checkError(t, err, ErrFormat, "bad.jsonl:2: not JSON")
	d.Files = []string{filepath.Join(tasks, "none.jsonl")}
	_, err = OpenAll(ctx, []CorpusConfig{{Kind: "text", Path: dir, DocumentBytes: -1}}, Filters{Decontaminate: &d}, 0)
	checkError(t, err, ErrNotFound, "none.jsonl")
}

func TestWords(t *testing.T) {
	for text, want := range map[string]int{"": 0, "Hello, World": 2, "don't": 2, "今天 a": 3, "Élan vital": 2, "a\xffb": 2, "x_1 y-2": 4, "สวัสดี": 6} {
		if got := appendWords(nil, []byte(text)); len(got) != want {
			t.Errorf("%q has %d words, want %d", text, len(got), want)
		}
	}
	a, b := appendWords(nil, []byte("ÉCOLE Straße")), appendWords(nil, []byte("école, straße!"))
	if a[0].hash != b[0].hash || a[1].hash != b[1].hash {
		t.Error("case or punctuation makes another word")
	}
}
