package tokenizer

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// sampled are tokenizers of every kind that can be sampled, and how.
func sampled(t *testing.T) map[string]struct {
	tok *Tokenizer
	how []Sampling
} {
	rng := rand.New(rand.NewPCG(21, 22))
	train := func(kind string, vocab int) *Tokenizer {
		tok, err := Train(context.Background(), TrainConfig{Kind: kind, Vocab: vocab, Special: []string{"<s>"}}, eachOf(corpusOf(rng, 100)))
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	sp := func(name string) *Tokenizer {
		tok, err := ReadSentencePiece(readSPGolden(t, "testdata/sentencepiece/"+name+".json").Model)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	lattice := []Sampling{{Alpha: 0.1}, {Alpha: 0.2, Best: 10}, {Alpha: 1}}
	dropout := []Sampling{{Dropout: 0.1}, {Dropout: 0.5}}
	return map[string]struct {
		tok *Tokenizer
		how []Sampling
	}{
		"unigram":               {train("unigram", 420), lattice},
		"bpe":                   {train("bpe", 420), dropout},
		"char-bpe":              {train("char-bpe", 420), dropout},
		"SentencePiece unigram": {sp("unigram-bytes"), lattice},
		"SentencePiece BPE":     {sp("bpe-bytes"), dropout},
	}
}

func TestSampledTextDecodesToTheSame(t *testing.T) {
	text := []byte("the cat sat <s> on größe 東京\xff the quiet water")
	for name, x := range sampled(t) {
		t.Run(name, func(t *testing.T) {
			best := x.tok.AppendIDs(nil, text)
			want := x.tok.Decode(nil, best, false)
			for _, how := range x.how {
				s, err := x.tok.Sampler(how)
				if err != nil {
					t.Fatal(err)
				}
				others := 0
				for i := range uint64(50) {
					ids := s.AppendIDs(nil, text, rand.New(rand.NewPCG(i, 1)))
					if got := x.tok.Decode(nil, ids, false); string(got) != string(want) {
						t.Fatalf("%v: %d decodes to %q, want %q", how, ids, got, want)
					}
					if !slices.Equal(ids, best) {
						others++
					}
					e := s.Tokens(text, rand.New(rand.NewPCG(i, 1)))
					if !slices.Equal(e.IDs, ids) {
						t.Fatalf("%v: tokens %d, ids %d from the same seed", how, e.IDs, ids)
					}
					if full := s.EncodeForm(text, Form{}, rand.New(rand.NewPCG(i, 1))); !slices.Equal(full.IDs, ids) {
						t.Fatalf("%v: encoded %d, ids %d from the same seed", how, full.IDs, ids)
					}
					if last := e.Offsets[len(e.Offsets)-1][1]; int(last) != len(text) {
						t.Fatalf("%v: the last token ends at %d of %d", how, last, len(text))
					}
				}
				if others == 0 {
					t.Errorf("%v: always the best cut", how)
				}
			}
		})
	}
}

func TestSamplingAtItsEnds(t *testing.T) {
	text := []byte("the cat sat on the quiet water")
	rng := rand.New(rand.NewPCG(3, 4))
	for name, x := range sampled(t) {
		best := x.tok.AppendIDs(nil, text)
		least := Sampling{Alpha: 1, Best: 1}
		if x.how[0].Dropout > 0 {
			least = Sampling{}
		}
		s, err := x.tok.Sampler(least)
		if err != nil {
			t.Fatal(err)
		}
		if ids := s.AppendIDs(nil, text, rng); !slices.Equal(ids, best) {
			t.Errorf("%s, %v: %d, want %d", name, least, ids, best)
		}
		if x.how[0].Dropout == 0 {
			continue
		}
		if s, err = x.tok.Sampler(Sampling{Dropout: 1}); err != nil {
			t.Fatal(err)
		}
		if ids := s.AppendIDs(nil, text, rng); len(ids) < len(text) {
			t.Errorf("%s: %d tokens of %d characters with dropout 1", name, len(ids), len(text))
		}
	}
}

func TestWrongSampling(t *testing.T) {
	of := sampled(t)
	wordpiece, err := Train(context.Background(), TrainConfig{Kind: "wordpiece", Vocab: 100, Special: []string{"[UNK]"}}, eachOf(corpusOf(rand.New(rand.NewPCG(1, 1)), 10)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		tok  *Tokenizer
		how  Sampling
		kind error
	}{
		{"negative alpha", of["unigram"].tok, Sampling{Alpha: -1}, ErrConfig},
		{"too many", of["unigram"].tok, Sampling{Best: 1 << 20}, ErrConfig},
		{"dropout of 2", of["bpe"].tok, Sampling{Dropout: 2}, ErrConfig},
		{"dropout of Unigram", of["SentencePiece unigram"].tok, Sampling{Dropout: 0.1}, ErrUnsupported},
		{"alpha of BPE", of["SentencePiece BPE"].tok, Sampling{Alpha: 0.1}, ErrUnsupported},
		{"WordPiece", wordpiece, Sampling{Alpha: 0.1}, ErrUnsupported},
	} {
		if _, err := tt.tok.Sampler(tt.how); !errors.Is(err, tt.kind) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
