package data

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/family"
)

func resegmented(t testing.TB, c *Corpus, tok Tokenizer, how tokenizer.Sampling, seed uint64, cache Cache) *Resegmented {
	t.Helper()
	seg, err := NewSegmenter(tok, how)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenResegmented(ctx, c, tok, seg, seed, cache)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// epochOf is all tokens of an epoch.
func epochOf(t testing.TB, r *Resegmented, epoch uint64) (ids []int32) {
	t.Helper()
	err := r.during(epoch, func(s *Stream) error { ids = tokens(t, s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

var cuts = map[string]tokenizer.Sampling{"bpe": {Dropout: 0.1}, "char-bpe": {Dropout: 0.3}, "unigram": {Alpha: 0.2, Best: 16}}

func TestEachEpochCutsTheSameTextAnew(t *testing.T) {
	c := smallCorpus(t)
	_, texts := documents(t, c, Train)
	for kind, how := range cuts {
		t.Run(kind, func(t *testing.T) {
			tok := learned(t, kind)
			r := resegmented(t, c, tok, how, 5, Cache{})
			seen := [][]int32{separated(t, c, Train, tok)}
			for epoch := range uint64(3) {
				ids := epochOf(t, r, epoch)
				if epoch == 0 && len(ids) != r.Len() {
					t.Errorf("%d tokens in the first epoch, Len %d", len(ids), r.Len())
				}
				for _, other := range seen {
					if slices.Equal(other, ids) {
						t.Errorf("epoch %d is cut like one before", epoch)
					}
				}
				seen = append(seen, ids)
				for _, text := range texts {
					ids = ids[1:]
					n := slices.Index(ids, tok.EOD())
					if got := tok.Decode(nil, ids[:n]); string(got) != text {
						t.Fatalf("epoch %d: %.40q reads %.40q", epoch, text, got)
					}
					ids = ids[n:]
				}
				if len(ids) != 1 {
					t.Errorf("epoch %d: %d tokens too many", epoch, len(ids))
				}
			}
		})
	}
}

// allBatches are those of several epochs.
func allBatches(t testing.TB, text TrainText, order func(steps int) []int) []family.Batch {
	t.Helper()
	b, err := NewBatcher(text, BatchConfig{B: 4, T: 32, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]family.Batch, 3*b.Windows()/4)
	for _, step := range order(len(out)) {
		out[step] = batch(t, b, step)
	}
	return out
}

func forward(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// Whoever trains sees the same batches: with a cache or without, from any step on, with any number of threads.
func TestResegmentedBatchesArePure(t *testing.T) {
	c := smallCorpus(t)
	tok := learned(t, "bpe")
	how := cuts["bpe"]
	want := allBatches(t, resegmented(t, c, tok, how, 5, Cache{}), forward)
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { t.Errorf("%s: %v", what, err) }}
	backward := func(n int) []int {
		out := forward(n)
		slices.Reverse(out)
		return out
	}
	for _, tt := range []struct {
		name    string
		cache   Cache
		threads int
		order   func(int) []int
	}{{"fresh cache", cache, 2, forward}, {"cached", cache, 2, forward}, {"one thread", Cache{}, 1, forward}, {"backward", cache, 2, backward}} {
		t.Run(tt.name, func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(tt.threads))
			if got := allBatches(t, resegmented(t, c, tok, how, 5, tt.cache), tt.order); !reflect.DeepEqual(got, want) {
				t.Error("other batches")
			}
		})
	}
	for name, r := range map[string]*Resegmented{
		"seed":    resegmented(t, c, tok, how, 6, Cache{}),
		"dropout": resegmented(t, c, tok, tokenizer.Sampling{Dropout: 0.2}, 5, Cache{}),
	} {
		if slices.Equal(epochOf(t, r, 0), epochOf(t, resegmented(t, c, tok, how, 5, Cache{}), 0)) {
			t.Errorf("another %s gives the same tokens", name)
		}
	}
	// One file for each epoch, the first one twice: both tests of the cache found what was there.
	if files, _ := filepath.Glob(filepath.Join(cache.Dir, "tokens", "*.bin")); len(files) != 3 {
		t.Errorf("%d files in the cache, want 3", len(files))
	}
}

// unequal are epochs of so many tokens each.
type unequal []int

func (u unequal) Len() int             { return u[0] }
func (u unequal) Tokenizer() Tokenizer { return Bytes{} }
func (u unequal) during(epoch uint64, fn func(*Stream) error) error {
	ids := make([]int32, u[epoch%uint64(len(u))])
	for i := range ids {
		ids[i] = int32(i)
	}
	return fn(&Stream{tok: Bytes{}, store: &memory{wide: ids, width: 4}})
}

func TestEpochsOfOtherLengths(t *testing.T) {
	const T = 8
	b, err := NewBatcher(unequal{165, 200, 130}, BatchConfig{B: 1, T: T, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	for epoch, distinct := range []int{19, 19, 15} { // of 19, 24 and 15 windows
		seen := map[int32]bool{}
		for i := range b.Windows() {
			x := batch(t, b, epoch*b.Windows()+i)
			if x.Tokens[T-1] != x.Tokens[0]+T-1 || x.Targets[T-1] != x.Tokens[0]+T {
				t.Fatalf("epoch %d: window %v", epoch, x.Tokens)
			}
			seen[x.Tokens[0]] = true
		}
		if len(seen) != distinct {
			t.Errorf("epoch %d: %d distinct windows, want %d", epoch, len(seen), distinct)
		}
	}
	// A training that the first epoch let begin is not ended by a later one.
	for _, tokens := range []int{2*T - 1, T + 1, T, 3, 1} {
		short, err := NewBatcher(unequal{2 * T, tokens}, BatchConfig{B: 1, T: T, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		for epoch := range 20 {
			x := batch(t, short, (2*epoch+1)*short.Windows())
			for i := range x.Tokens {
				if at := (int(x.Tokens[0]) + i) % tokens; x.Tokens[i] != int32(at) || x.Targets[i] != int32((at+1)%tokens) {
					t.Fatalf("%d tokens: window %v, targets %v", tokens, x.Tokens, x.Targets)
				}
			}
		}
	}
}

// A text that spells the end of a document does not end it, however its words are cut.
func TestSampledEndOfDocument(t *testing.T) {
	files := many(40)
	for name := range files {
		files[name] += "a <|endoftext|> b <|endoftext|>"
	}
	c := openDir(t, tree(t, files), only)
	for kind, how := range cuts {
		tok := learned(t, kind)
		ids := epochOf(t, resegmented(t, c, tok, how, 1, Cache{}), 0)
		ends := 0
		for _, id := range ids {
			if id == tok.EOD() {
				ends++
			}
		}
		if ends != c.Documents[Train]+1 {
			t.Errorf("%s: %d ends of %d documents", kind, ends, c.Documents[Train])
		}
	}
}

func TestResegmentedErrors(t *testing.T) {
	checkError(t, second(NewSegmenter(Bytes{}, tokenizer.Sampling{Dropout: 0.1})), ErrConfig, "bytes: has one way to cut a text")
	checkError(t, second(NewSegmenter(learned(t, "unigram"), tokenizer.Sampling{Dropout: 0.1})), ErrConfig, "dropout wants a BPE model")
	checkError(t, second(NewSegmenter(learned(t, "wordpiece"), tokenizer.Sampling{Alpha: 0.1})), ErrConfig, "sampling wants Unigram or BPE")

	dir := tree(t, many(140))
	c := openDir(t, dir)
	tok := learned(t, "bpe")
	r := resegmented(t, c, tok, cuts["bpe"], 1, Cache{})
	files, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	for _, f := range files {
		if err := os.WriteFile(f, []byte(fmt.Sprintf("changed %s", f)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	err := r.during(1, func(*Stream) error { return nil })
	if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "epoch 2") {
		t.Errorf("a corpus that changed: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	seg, err := NewSegmenter(tok, cuts["bpe"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenResegmented(gone, c, tok, seg, 1, Cache{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
