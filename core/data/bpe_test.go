package data

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/data/internal/rng"
)

func train(t testing.TB, vocab int, texts ...string) *BPE {
	t.Helper()
	b, err := TrainBPE(ctx, vocab, func(fn func([]byte) error) error {
		for _, x := range texts {
			if err := fn([]byte(x)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// naiveMerges learns by recounting every pair after every merge: the definition that the trainer has to meet.
func naiveMerges(vocab int, texts ...string) (merges [][2]int32) {
	var all [][]int32
	for _, text := range texts {
		for _, w := range words(text) {
			if len(w) > maxTrainWord {
				continue
			}
			var ids []int32
			for _, c := range []byte(w) {
				ids = append(ids, int32(c))
			}
			all = append(all, ids)
		}
	}
	for len(merges) < vocab-bytesVocab {
		counts := map[[2]int32]int{}
		for _, w := range all {
			for i := 0; i+1 < len(w); i++ {
				counts[[2]int32{w[i], w[i+1]}]++
			}
		}
		best, most := [2]int32{}, 1
		for p, n := range counts {
			if n > most || n == most && n > 1 && (p[0] < best[0] || p[0] == best[0] && p[1] < best[1]) {
				best, most = p, n
			}
		}
		if most < 2 {
			break
		}
		id := int32(bytesVocab + len(merges))
		merges = append(merges, best)
		for k, w := range all {
			var out []int32
			for i := 0; i < len(w); i++ {
				if i+1 < len(w) && w[i] == best[0] && w[i+1] == best[1] {
					out = append(out, id)
					i++
				} else {
					out = append(out, w[i])
				}
			}
			all[k] = out
		}
	}
	return merges
}

// babble is random text over few letters, so that pairs repeat, tie and overlap.
func babble(r *rng.Source, n, letters int) string {
	b := make([]byte, n)
	for i := range b {
		switch c := r.Intn(letters + 2); c {
		case 0:
			b[i] = ' '
		case 1:
			b[i] = '\n'
		default:
			b[i] = byte('a' + c - 2)
		}
	}
	return string(b)
}

func TestTrainerAgainstRecounting(t *testing.T) {
	for i := range uint64(60) {
		r := rng.New(7, i)
		text := babble(r, 20+r.Intn(600), 1+r.Intn(4))
		vocab := bytesVocab + r.Intn(60)
		got, want := train(t, vocab, text).Merges(), naiveMerges(vocab, text)
		if !slices.Equal(got, want) {
			t.Fatalf("case %d: %q\ngot  %v\nwant %v", i, text, got, want)
		}
	}
}

func TestTrainingIgnoresOrder(t *testing.T) {
	var texts []string
	for i := range uint64(40) {
		texts = append(texts, babble(rng.New(1, i), 300, 4))
	}
	a := train(t, 400, texts...)
	slices.Reverse(texts)
	if b := train(t, 400, texts...); a.Fingerprint() != b.Fingerprint() {
		t.Error("the order of the texts changes the vocabulary")
	}
	if b := train(t, 399, texts...); a.Fingerprint() == b.Fingerprint() {
		t.Error("different merges have one fingerprint")
	}
}

func TestTrainStopsWhereNothingRepeats(t *testing.T) {
	b := train(t, 5000, "ab ab")
	if b.Vocab() != 258 { // only "ab" repeats: " a" occurs once
		t.Errorf("got %d ids, merges %v", b.Vocab(), b.Merges())
	}
	if b := train(t, 5000); b.Vocab() != bytesVocab {
		t.Errorf("no text gave %d ids", b.Vocab())
	}
}

func TestEncodeKnown(t *testing.T) {
	b, err := NewBPE([][2]int32{{'a', 'a'}, {'a', 'b'}, {257, 258}, {' ', 257}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]int32{
		"":      nil,
		"a":     {'a'},
		"aaa":   {257, 'a'},
		"aaaa":  {257, 257},
		"aab":   {257, 'b'}, // the pair learned first wins, not the one that leads to the longest token
		"bab":   {'b', 258},
		"ab":    {258},
		" aa":   {260},
		" aab":  {260, 'b'},
		"aa aa": {257, 260},
	} {
		if got := b.Encode(nil, []byte(text)); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if b.TokenBytes(259) != 4 || b.TokenBytes(eodID) != 0 || b.TokenBytes(9999) != 0 || b.TokenBytes(-1) != 0 {
		t.Error("TokenBytes is wrong")
	}
	if got := b.Decode([]byte("x"), []int32{259, eodID, -5, 9999, 'c'}); string(got) != "xaaabc" {
		t.Errorf("decoded %q", got)
	}
}

func TestLongWordsMergeAlike(t *testing.T) {
	b := train(t, 330, babble(rng.New(3), 20000, 3))
	for i := range uint64(300) {
		r := rng.New(4, i)
		word := []byte(babble(r, 1+r.Intn(200), 1+r.Intn(3)))
		var s bpeScratch
		for _, c := range word {
			s.ids = append(s.ids, int32(c))
		}
		short, _ := b.mergeShort(s.ids, nil)
		if long := s.long.merge(b, nil, word); !slices.Equal(short, long) {
			t.Fatalf("%q: short %v, long %v", word, short, long)
		}
	}
	// A megabyte of one letter finishes only if merging is not quadratic.
	big := bytes.Repeat([]byte("a"), 1<<20)
	if got := b.Decode(nil, b.Encode(nil, big)); !bytes.Equal(got, big) {
		t.Error("a long word does not decode to itself")
	}
}

var fuzzBPE = sync.OnceValue(func() *BPE {
	b, err := TrainBPE(ctx, 400, func(fn func([]byte) error) error {
		return fn([]byte(strings.Repeat("the quick brown fox's ünïcode  jumps\n\tover 12 lazy dogs; it's 日本語 and \xff\xfe too. aaaa aaaa", 3)))
	})
	if err != nil {
		panic(err)
	}
	return b
})

func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("the quick 日本語 \xff it's"))
	f.Add(bytes.Repeat([]byte("ab"), 70))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, tok := range []Tokenizer{Bytes{}, fuzzBPE()} {
			ids := tok.Encode(nil, text)
			if got := tok.Decode(nil, ids); !bytes.Equal(got, text) {
				t.Fatalf("%s: %q became %q", tok.Name(), text, got)
			}
			n := 0
			for _, id := range ids {
				if id == tok.EOD() || id < 0 || int(id) >= tok.Vocab() {
					t.Fatalf("%s: id %d", tok.Name(), id)
				}
				n += tok.TokenBytes(id)
			}
			if n != len(text) {
				t.Fatalf("%s: tokens stand for %d bytes of %d", tok.Name(), n, len(text))
			}
		}
	})
}

func TestEncodeIsSafeForConcurrentUse(t *testing.T) {
	b := fuzzBPE()
	text := []byte(babble(rng.New(9), 5000, 20))
	want := b.Encode(nil, text)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if !slices.Equal(b.Encode(nil, text), want) {
					t.Error("another result in parallel")
				}
			}
		})
	}
	wg.Wait()
}

func TestVocabularyCache(t *testing.T) {
	c := smallCorpus(t)
	var logged []string
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { logged = append(logged, what+": "+err.Error()) }}
	cfg := TokenizerConfig{Kind: "bpe", Vocab: 300}
	open := func() Tokenizer {
		t.Helper()
		tok, err := OpenTokenizer(ctx, cfg, c, cache)
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	first := open()
	files, _ := filepath.Glob(filepath.Join(cache.Dir, "tokenizers", "*"))
	if len(files) != 1 || first.Vocab() != 300 {
		t.Fatalf("files %v, %d ids", files, first.Vocab())
	}
	// A planted vocabulary shows that the file is used.
	planted, err := NewBPE([][2]int32{{'x', 'y'}})
	if err != nil {
		t.Fatal(err)
	}
	if err := cache.write(files[0], func(f *os.File) error { return SaveTokenizer(f, planted) }); err != nil {
		t.Fatal(err)
	}
	if open().Fingerprint() != planted.Fingerprint() {
		t.Error("the cached file is not used")
	}
	var other bytes.Buffer
	if err := SaveTokenizer(&other, Bytes{}); err != nil {
		t.Fatal(err)
	}
	for _, damage := range []string{"", "{", "not JSON", other.String()} {
		write(t, files[0], []byte(damage))
		logged = nil
		if open().Fingerprint() != first.Fingerprint() {
			t.Errorf("%q: learned another vocabulary", damage)
		}
		if len(logged) != 1 || !strings.Contains(logged[0], "learned again") {
			t.Errorf("%q: logged %q", damage, logged)
		}
		if b, err := LoadTokenizer(files[0]); err != nil || b.Fingerprint() != first.Fingerprint() {
			t.Errorf("%q: the file was not repaired: %v", damage, err)
		}
	}
	cfg.Vocab = 290
	if open().Vocab() != 290 {
		t.Error("other parameters share a file")
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	c := smallCorpus(t)
	logs := 0
	blocked := filepath.Join(t.TempDir(), "file")
	write(t, blocked, []byte("in the way of a directory"))
	cache := Cache{Dir: blocked, Log: func(string, error) { logs++ }}
	tok, err := OpenTokenizer(ctx, TokenizerConfig{Kind: "bpe", Vocab: 270}, c, cache)
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenStream(ctx, c, Train, tok, cache)
	if err != nil || s.Len() == 0 {
		t.Fatalf("%v, %v", s, err)
	}
	if logs < 2 {
		t.Errorf("logged %d times", logs)
	}
}

func TestConcurrentRunsShareACache(t *testing.T) {
	c := smallCorpus(t)
	cache := Cache{Dir: t.TempDir()}
	var wg sync.WaitGroup
	prints := make([]string, 8)
	for i := range prints {
		wg.Go(func() {
			tok, err := OpenTokenizer(ctx, TokenizerConfig{Kind: "bpe", Vocab: 300}, c, cache)
			if err != nil {
				t.Error(err)
				return
			}
			s, err := OpenStream(ctx, c, Train, tok, cache)
			if err != nil {
				t.Error(err)
				return
			}
			ids := make([]int32, s.Len())
			if err := s.Read(ids, 0); err != nil {
				t.Error(err)
			}
			prints[i] = tok.Fingerprint() + fmt.Sprint(ids)
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p != prints[0] {
			t.Error("two runs saw different data")
		}
	}
	left, _ := filepath.Glob(filepath.Join(cache.Dir, "*", ".tmp-*"))
	if len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

func TestTokenizerErrors(t *testing.T) {
	c := smallCorpus(t)
	for name, tt := range map[string]struct {
		cfg  TokenizerConfig
		says string
	}{
		"kind":         {TokenizerConfig{Kind: "words"}, `unknown tokenizer "words", want one of ["bytes" "bpe"]`},
		"bytes vocab":  {TokenizerConfig{Kind: "bytes", Vocab: 300}, "always has 257"},
		"small":        {TokenizerConfig{Kind: "bpe", Vocab: 256}, "vocab: got 256, want 257 to"},
		"huge":         {TokenizerConfig{Kind: "bpe", Vocab: 1 << 30}, "vocab: got"},
		"negative mem": {TokenizerConfig{Kind: "bpe", TrainBytes: -1}, "train_bytes: got -1"},
	} {
		t.Run(name, func(t *testing.T) { checkError(t, second(OpenTokenizer(ctx, tt.cfg, c, Cache{})), ErrConfig, tt.says) })
	}
	if _, err := TrainBPE(ctx, 300, func(func([]byte) error) error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader's error became %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := TrainBPE(canceled, 300, func(fn func([]byte) error) error { return fn([]byte("abab")) }); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestFingerprints(t *testing.T) {
	none, err := NewBPE(nil)
	if err != nil {
		t.Fatal(err)
	}
	// Recorded in checkpoints: a change here makes every old checkpoint refuse its tokenizer.
	for _, tt := range []struct{ got, want string }{
		{Bytes{}.Fingerprint(), "c1fa714796cda645"},
		{none.Fingerprint(), "d21e297b23559733"},
	} {
		if !strings.HasPrefix(tt.got, tt.want) {
			t.Errorf("got %.16s, want %s", tt.got, tt.want)
		}
	}
}
