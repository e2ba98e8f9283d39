package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/tokenizer"
)

// What is written while tokens come is what they read as together.
func TestTextStream(t *testing.T) {
	metaspace, err := tokenizer.Read([]byte(`{"version": "1.0", "added_tokens": [], "normalizer": null,
		"pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}, "post_processor": null,
		"decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true},
		"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "▁the": 1, "▁quick": 2, "▁é": 3}}}`))
	if err != nil {
		t.Fatal(err)
	}
	spaced, err := data.NewTokenizer(metaspace)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tok            data.Tokenizer
		prompt, answer string
		writes         []string
	}{
		{data.Bytes{}, "a", "é日 x", []string{"é", "日", " ", "x", "\n"}},
		{data.Bytes{}, "", "😀\xff", []string{"😀", "\xff", "\n"}},
		{spaced, "", "the quick é", []string{"the", " quick", " é", "\n"}},
		{spaced, "the", "quick the", []string{" quick", " the", "\n"}},
	} {
		var out writes
		s := newTextStream(&out, tt.tok, data.PromptTokens(tt.tok, []byte(tt.prompt)))
		for _, id := range tt.tok.Encode(nil, []byte(tt.answer)) {
			if err := s.token(id); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out, tt.writes) {
			t.Errorf("%s, %q and %q: wrote %q, want %q", tt.tok.Name(), tt.prompt, tt.answer, out, tt.writes)
		}
	}
}

// writes collects what is written, without what is empty.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	if len(p) > 0 {
		*w = append(*w, string(p))
	}
	return len(p), nil
}

func TestChunksAreTheText(t *testing.T) {
	long := strings.Repeat("x", 20*chunkBytes)
	for _, text := range []string{"", "a", "a\n", strings.Repeat("line\n", 50000), long, "a\n" + long + "\nb"} {
		var got []byte
		if err := eachChunk(t.Context(), strings.NewReader(text), func(p []byte) { got = append(got, p...) }); err != nil || string(got) != text {
			t.Errorf("%d bytes became %d, %v", len(text), len(got), err)
		}
	}
}

func TestIDsThatAreNone(t *testing.T) {
	for raw, says := range map[string]string{
		`null`:         `array 1 of standard input: got null, want an array`,
		`[1] "x"`:      `array 2 of standard input: got the string "x", want an array`,
		`{"a": 1}`:     `array 1 of standard input: got {, want an array`,
		`[1] ["7"]`:    `array 2 of standard input: got the string "7" at place 1, want an id from 0 to 256`,
		`[1, null]`:    `got null at place 2`,
		`[1, 2, true]`: `got true at place 3`,
		`[[1]]`:        `got [ at place 1`,
		`[1.5]`:        `got 1.5 at place 1`,
		`[1e2]`:        `got 1e2 at place 1`,
		`[-1]`:         `got -1 at place 1`,
		`[257]`:        `got 257 at place 1`,
		`[1 2]`:        `array 1 of standard input: `,
		`[1,]`:         `array 1 of standard input: `,
		`[1`:           `array 1 of standard input: it has no end`,
		`[1], [2]`:     `array 2 of standard input: `,
		`]`:            `array 1 of standard input: `,
	} {
		err := eachArray(strings.NewReader(raw), 257, func([]int32) error { return nil })
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", raw, err, says)
		}
	}
}

func FuzzIDs(f *testing.F) {
	for _, s := range []string{"[1, 2]\n[3]", "[]", "[1.5]", "[256][257]", "[1e2]", "[\"1\"]", "{", "[-1]", "[99999999999999999999]", "null", "[null]", "[[1]]", "[1,]", "[1", "[1] x", "{\"a\": 1}", "[true]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var again bytes.Buffer
		var all [][]int32
		err := eachArray(bytes.NewReader(raw), 257, func(ids []int32) error {
			for _, id := range ids {
				if id < 0 || id > 256 {
					t.Errorf("id %d", id)
				}
			}
			all = append(all, ids)
			fmt.Fprintln(&again, strings.ReplaceAll(fmt.Sprint(ids), " ", ","))
			return nil
		})
		if err != nil {
			return
		}
		n := 0
		if err := eachArray(&again, 257, func(ids []int32) error { n++; return nil }); err != nil || n != len(all) {
			t.Errorf("%d arrays, read again %d, %v", len(all), n, err)
		}
	})
}
