package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// Info is what a tokenizer is made of. Components are named as in tokenizer.json, the parts of a sequence one by one.
type Info struct {
	Kind          string      `json:"kind"`  // as tokenizer.Kind says
	Vocab         int         `json:"vocab"` // ids, added tokens included
	Merges        int         `json:"merges,omitempty"`
	Lossless      bool        `json:"lossless"`
	ByteFallback  bool        `json:"byte_fallback"` // bytes that are in no other token have tokens of their own
	Unknown       string      `json:"unknown,omitempty"`
	Dropout       float64     `json:"dropout,omitempty"`    // probability of leaving a merge out in training
	Truncation    int         `json:"truncation,omitempty"` // tokens of a text at most; 0: no limit
	Padding       string      `json:"padding,omitempty"`    // the token that texts are filled up with
	Normalizer    []Component `json:"normalizer"`
	PreTokenizer  []Component `json:"pre_tokenizer"`
	PostProcessor []Component `json:"post_processor"`
	Decoder       []Component `json:"decoder"`
	Special       []Token     `json:"special"` // tokens that stand for no text
	Added         []Token     `json:"added"`   // other tokens that are found before the model sees the text
	Longest       []Token     `json:"longest"` // of the model, by bytes of text
}

// Token is an entry of a vocabulary.
type Token struct {
	ID    int32  `json:"id"`
	Token string `json:"token"` // as written in tokenizer.json
	Text  string `json:"text"`  // what it decodes to alone
}

// longestTokens is how many of them are listed.
const longestTokens = 10

// file is what is read of a tokenizer.json.
type file struct {
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         struct {
		Merges       []json.RawMessage `json:"merges"`
		ByteFallback bool              `json:"byte_fallback"`
	} `json:"model"`
}

// Describe takes a tokenizer apart. The normalizer and decoder of a SentencePiece model are not shown in parts.
func Describe(t *tokenizer.Tokenizer) (Info, error) {
	var buf bytes.Buffer
	if err := t.Write(&buf); err != nil {
		return Info{}, err
	}
	f := file{Normalizer: sentencePiece, Decoder: sentencePiece}
	if json.Valid(buf.Bytes()) {
		f = file{}
		if err := json.Unmarshal(buf.Bytes(), &f); err != nil {
			return Info{}, fmt.Errorf("describe a tokenizer: %w", err)
		}
	} else if _, ok := t.ID("<0x00>"); ok {
		f.Model.ByteFallback = true
	}
	info := Info{Kind: t.Kind(), Vocab: t.Size(), Merges: len(f.Model.Merges), Lossless: t.Lossless(), ByteFallback: f.Model.ByteFallback, Dropout: t.Dropout(),
		Normalizer: components(f.Normalizer), PreTokenizer: components(f.PreTokenizer), PostProcessor: components(f.PostProcessor),
		Decoder: components(f.Decoder), Special: []Token{}, Added: []Token{}}
	if id, ok := t.Unknown(); ok {
		info.Unknown, _ = t.Token(id)
	}
	info.Truncation, _ = t.Limit()
	if id, _, ok := t.Padding(); ok {
		info.Padding, _ = t.Token(id)
	}
	known := map[int32]bool{}
	for _, a := range t.Specials() {
		known[a.ID] = true
		info.Special = append(info.Special, Token{a.ID, a.Content, a.Content})
	}
	for _, a := range t.Added() {
		if !known[a.ID] {
			known[a.ID] = true
			info.Added = append(info.Added, Token{a.ID, a.Content, a.Content})
		}
	}
	info.Longest = longest(t, known)
	return info, nil
}

// sentencePiece stands for a component of a SentencePiece model.
var sentencePiece = json.RawMessage(`{"type": "SentencePiece"}`)

// longest lists the model's longest tokens; of equally long ones, those of lower ids.
func longest(t *tokenizer.Tokenizer, known map[int32]bool) []Token {
	all := []Token{}
	for id := range int32(t.Size()) {
		if token, ok := t.Token(id); ok && !known[id] {
			all = append(all, Token{id, token, string(t.Decode(nil, []int32{id}, false))})
		}
	}
	slices.SortStableFunc(all, func(a, b Token) int { return cmp.Compare(len(b.Text), len(a.Text)) })
	return slices.Clone(all[:min(longestTokens, len(all))])
}
