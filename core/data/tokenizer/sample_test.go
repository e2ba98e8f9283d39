package tokenizer

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAppendSampleDecodesToTheSameText(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	trained, err := Train(context.Background(), TrainConfig{Kind: "unigram", Vocab: 420, Special: []string{"<s>"}}, eachOf(corpusOf(rng, 100)))
	if err != nil {
		t.Fatal(err)
	}
	sp, err := ReadSentencePiece(readSPGolden(t, "testdata/sentencepiece/unigram-bytes.json").Model)
	if err != nil {
		t.Fatal(err)
	}
	for name, tok := range map[string]*Tokenizer{"trained": trained, "SentencePiece": sp} {
		text := []byte("the cat sat <s> on größe 東京\xff the quiet water")
		best := tok.AppendIDs(nil, text)
		want := tok.Decode(nil, best, false)
		for _, how := range []Sampling{{Alpha: 0.1}, {Alpha: 0.2, Best: 10}, {Alpha: 1}} {
			others := 0
			for range 50 {
				ids, err := tok.AppendSample(nil, text, how, rng)
				if err != nil {
					t.Fatal(err)
				}
				if got := tok.Decode(nil, ids, false); string(got) != string(want) {
					t.Fatalf("%s, %+v: %d decodes to %q, want %q", name, how, ids, got, want)
				}
				if !slices.Equal(ids, best) {
					others++
				}
			}
			if others == 0 {
				t.Errorf("%s, %+v: always the best cut", name, how)
			}
		}
		if ids, err := tok.AppendSample(nil, text, Sampling{Alpha: 1, Best: 1}, rng); err != nil || !slices.Equal(ids, best) {
			t.Errorf("%s: the best of 1 is %v, %v", name, ids, err)
		}
		if _, err := tok.AppendSample(nil, text, Sampling{Alpha: -1}, rng); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: alpha -1: %v", name, err)
		}
	}
	bpe, err := Train(context.Background(), TrainConfig{Kind: "bpe", Vocab: 300}, eachOf(corpusOf(rng, 10)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bpe.AppendSample(nil, []byte("a"), Sampling{}, rng); !errors.Is(err, ErrUnsupported) {
		t.Errorf("BPE: %v", err)
	}
}
