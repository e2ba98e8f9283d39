package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// learned makes a tokenizer of a kind that learned from a little text.
func learned(t testing.TB, kind string) Tokenizer {
	t.Helper()
	cfg := tokenizer.TrainConfig{Kind: kind, Vocab: 400, Special: []string{EndToken}, ByteOrder: true}
	if kind == "wordpiece" {
		cfg.Special = []string{"[UNK]", EndToken}
	}
	tk, err := tokenizer.Train(ctx, cfg, func(fn func([]byte) error) error {
		for i := range 30 {
			if err := fn([]byte(strings.Repeat(fmt.Sprintf("the quick brown fox %d jumps over the lazy dog, it's said. Ünïcode, 日本語\n", i), 5))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	tok, err := NewTokenizer(tk)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// smallBPE is a byte-level tokenizer with a few merges.
var smallBPE = sync.OnceValue(func() Tokenizer { return learned(new(testing.B), "bpe") })

// ofAllKinds are tokenizers of all kinds by name, Lossy ones among them.
func ofAllKinds(t testing.TB) map[string]Tokenizer {
	all := map[string]Tokenizer{"bytes": Bytes{}}
	for _, kind := range tokenizer.Kinds {
		all[kind] = learned(t, kind)
	}
	lower := `{"version":"1.0","added_tokens":[{"id":0,"content":"[UNK]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
		{"id":1,"content":"[SEP]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
		"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
		"pre_tokenizer":{"type":"BertPreTokenizer"},"post_processor":null,"decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
		"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,
		"vocab":{"[UNK]":0,"[SEP]":1,"the":2,"##s":3,"word":4,"##1":5,".":6,"of":7,"file":8,"e":9,"##p":10,"s":11,"##e":12,"[":13,"]":14}}}`
	cut := `{"version":"1.0","truncation":{"direction":"Right","max_length":4,"strategy":"LongestFirst","stride":0},"padding":null,"added_tokens":[],
		"normalizer":null,"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
		"model":{"type":"WordLevel","unk_token":"?","vocab":{"?":0,"the":1,"word1":2}}}`
	for name, file := range map[string]string{"lowercasing": lower, "cut short": cut} {
		tk, err := tokenizer.Read([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if all[name], err = NewTokenizer(tk); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(filepath.Join("tokenizer", "testdata", "sentencepiece", "unigram.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Model []byte }
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if all["sentencepiece"], err = ReadTokenizer(golden.Model); err != nil {
		t.Fatal(err)
	}
	return all
}

// awkward are texts that tokenizers change, drop and do not know.
var awkward = []string{"", " ", "\n\n\t ", "the words", "THE   Words.\r\n", "  indented\n\tmore", "Ünïcode e\u0301 ﬁ １２ \u00a0x", "日本語\u3000テキスト", "👩‍👩‍👧 flags 🇩🇪",
	"\xff\xfe bytes \x00\x01\xe2\x82", "end" + EndToken + "text", EndToken, EndToken + EndToken, "[SEP] [UNK] </s>", strings.Repeat("x", 300), "a\ufeffb\u200bc\u00ad",
	strings.Repeat(EndToken, 50)}

func TestTokensStandForTheWholeText(t *testing.T) {
	for name, tok := range ofAllKinds(t) {
		t.Run(name, func(t *testing.T) {
			lossy, spans := tok.(Lossy)
			for _, text := range awkward {
				ids, sum := tok.Encode(nil, []byte(text)), 0
				for _, id := range ids {
					if id == tok.EOD() || id < 0 || int(id) >= tok.Vocab() {
						t.Errorf("%q: id %d", text, id)
					}
					sum += tok.TokenBytes(id)
				}
				if !spans {
					if got := tok.Decode(nil, ids); string(got) != text || sum != len(text) {
						t.Errorf("%q became %q, tokens of %d bytes", text, got, sum)
					}
					continue
				}
				both, sum := lossy.EncodeSpans(nil, []byte(text))
				var same []int32
				for i := 0; i < len(both); i += 2 {
					same = append(same, both[i])
					if sum += int(both[i+1]); both[i+1] < 0 {
						t.Errorf("%q: a token of %d bytes", text, both[i+1])
					}
				}
				if sum != len(text) || !slices.Equal(same, ids) {
					t.Errorf("%q: tokens stand for %d bytes of %d; ids %v and %v", text, sum, len(text), same, ids)
				}
			}
		})
	}
}

func TestWhichTokenizersAreLossy(t *testing.T) {
	all := ofAllKinds(t)
	for name, want := range map[string]bool{"bytes": false, "bpe": false, "char-bpe": false, "wordpiece": true, "unigram": false, "lowercasing": true, "cut short": true, "sentencepiece": true} {
		if _, lossy := all[name].(Lossy); lossy != want {
			t.Errorf("%s: lossy is %v", name, lossy)
		}
	}
}

func TestBytesOfEverySplitAreThoseOfTheTextForAllKinds(t *testing.T) {
	files := many(140)
	for i, text := range awkward {
		if text != "" {
			files[fmt.Sprintf("awkward%02d.txt", i)] = text
		}
	}
	c, err := Open(ctx, CorpusConfig{Kind: "text", Path: tree(t, files)})
	if err != nil {
		t.Fatal(err)
	}
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { t.Errorf("%s: %v", what, err) }}
	for name, tok := range ofAllKinds(t) {
		for _, split := range []Split{Train, Validation, Test} {
			for _, mode := range []string{"encoded", "cached"} {
				s, err := OpenStream(ctx, c, split, tok, cache)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				var sum int64
				e := evalSet(t, s, EvalConfig{B: 4, T: 64})
				for i := range e.Len() {
					b, err := e.Batch(i)
					if err != nil {
						t.Fatal(err)
					}
					for _, n := range b.TargetBytes {
						sum += int64(n)
					}
				}
				if sum != c.Bytes[split] {
					t.Errorf("%s, %s, %s: targets stand for %d bytes, the split has %d", name, split, mode, sum, c.Bytes[split])
				}
				s.Close()
			}
		}
	}
}

func TestEndOfDocument(t *testing.T) {
	all := ofAllKinds(t)
	for name, want := range map[string]int32{"bpe": 256, "lowercasing": 1, "cut short": 3} {
		if got := all[name].EOD(); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	if sp := all["sentencepiece"].(spanned); sp.own {
		t.Error("a SentencePiece model ends documents with an id of its own, want </s>")
	}
	if n := all["cut short"].Vocab(); n != 4 {
		t.Errorf("an end of document of its own: %d ids, want 4", n)
	}
	bpe := all["bpe"]
	ids := bpe.Encode([]int32{bpe.EOD()}, []byte("a b"))
	if got := bpe.Decode(nil, append(ids, bpe.EOD(), 99999, -1)); string(got) != "a b" {
		t.Errorf("ends of documents and unknown ids read %q", got)
	}
	// Each document reads as one: the first word's blank is nobody's.
	l := all["lowercasing"]
	one := l.Encode(nil, []byte("The words."))
	if got := l.Decode(nil, slices.Concat(one, []int32{l.EOD()}, one)); string(got) != "the words.the words." {
		t.Errorf("two documents read %q", got)
	}
}

func TestIdsOfLearnedBytes(t *testing.T) {
	tok := smallBPE()
	for b := range 256 {
		if got := tok.Decode(nil, []int32{int32(b)}); len(got) != 1 || got[0] != byte(b) {
			t.Fatalf("id %d reads %q", b, got)
		}
	}
	if got := string(tok.Decode(nil, []int32{257})); len(got) != 2 {
		t.Errorf("the first pair reads %q", got)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, text := range awkward {
		f.Add([]byte(text))
	}
	f.Add(bytes.Repeat([]byte("ab"), 70))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, tok := range []Tokenizer{Bytes{}, smallBPE()} {
			ids := tok.Encode(nil, text)
			if got := tok.Decode(nil, ids); !bytes.Equal(got, text) {
				t.Fatalf("%s: %q became %q", tok.Name(), text, got)
			}
			if err := account(tok, ids, text); err != nil || slices.Contains(ids, tok.EOD()) {
				t.Fatalf("%s: %v, %v", tok.Name(), ids, err)
			}
		}
	})
}

func TestEncodeIsSafeForConcurrentUse(t *testing.T) {
	text := []byte(strings.Repeat("the quick brown fox it's 日本語 12345 ", 200))
	for name, tok := range ofAllKinds(t) {
		want := tok.Encode(nil, text)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					if !slices.Equal(tok.Encode(nil, text), want) {
						t.Errorf("%s: another result in parallel", name)
					}
				}
			})
		}
		wg.Wait()
	}
}
