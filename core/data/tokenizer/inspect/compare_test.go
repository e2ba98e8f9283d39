package inspect

import (
	"math"
	"reflect"
	"testing"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// read makes a tokenizer of a few words, whose continuations begin with ##.
func read(t *testing.T) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Read([]byte(`{"version": "1.0", "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
		"padding": null, "added_tokens": [{"id": 0, "content": "[UNK]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}],
		"normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "Digits", "individual_digits": true}]},
		"post_processor": null, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
		"model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
		"vocab": {"[UNK]": 0, "str": 1, "##aw": 2, "##berry": 3, "the": 4, "##s": 5, "a": 6, "never": 7}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestComparison(t *testing.T) {
	c := NewComparison([]Subject{{"bytes", tokenizer.Bytes()}, {"pieces", read(t)}}, []string{"straws"})
	c.Add([]byte("The strawberry, a Strawberry"))
	c.Add([]byte("straws ... xyz"))
	r := c.Report(1)
	if r.Texts != 2 || r.Bytes != 42 || r.Words != 6 || len(r.Tokenizers) != 2 {
		t.Fatalf("%+v", r)
	}
	// the str ##aw ##berry [UNK] a str ##aw ##berry; str ##aw ##s [UNK] [UNK]: the file's truncation is not for this.
	v := r.Tokenizers[1]
	want := Verdict{Name: "pieces", Kind: "wordpiece", Vocab: 8, Tokens: 14, VocabUsed: 7, BytesPerToken: 3, TokensPerWord: 2, WordsSplit: 0.5, Unknown: 3. / 14,
		LettersSeen: 2. / 33, // a, and the s of straws
		Asked:       v.Asked, Split: v.Split}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("got %+v\nwant %+v", v, want)
	}
	if len(v.Split) != 1 || v.Split[0].Word != "Strawberry" && v.Split[0].Word != "strawberry" || v.Split[0].Count != 1 || v.Split[0].Tokens() != 3 {
		t.Errorf("most split: %+v", v.Split)
	}
	if a := v.Asked[0]; a.After.String() != "str|aw|s" || a.Alone.String() != "str|aw|s" {
		t.Errorf("asked: %+v", a)
	}
	b := r.Tokenizers[0]
	if b.BytesPerToken != 1 || b.LettersSeen != 1 || b.Unknown != 0 || !b.Lossless || math.Abs(b.WordsSplit-5./6) > 1e-12 {
		t.Errorf("bytes: %+v", b)
	}
}

func TestDescribe(t *testing.T) {
	info, err := Describe(read(t))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, list := range [][]Component{info.Normalizer, info.PreTokenizer, info.PostProcessor, info.Decoder} {
		for _, c := range list {
			types = append(types, c.Type)
		}
	}
	if want := []string{"Lowercase", "Whitespace", "Digits", "WordPiece"}; !reflect.DeepEqual(types, want) {
		t.Errorf("components %q, want %q", types, want)
	}
	if info.Kind != "wordpiece" || info.Vocab != 8 || info.Lossless || info.Unknown != "[UNK]" || len(info.Special) != 1 || len(info.Added) != 0 ||
		info.Longest[0].Token != "##berry" {
		t.Errorf("got %+v", info)
	}
	if s := info.PreTokenizer[1].String(); s != `Digits {"individual_digits":true}` {
		t.Errorf("a component reads %s", s)
	}
}
