package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the lean reader reads is what encoding/json reads, and what it does not take it leaves to that.
func FuzzJSONRead(f *testing.F) {
	for _, s := range []string{
		`{}`, `[]`, `null`, ` {"a" : 1 , "b":2}`, `{"a":1,"a":2}`, `{"":0}`, `{"\u0061\n\ud83d\ude00\ud800":3, "\\\"":4}`, "{\"\xff\":5}", `{"a":-1}`, `{"a":1.0}`,
		`{"a":1e2}`, `{"a":2147483647,"b":2147483648}`, `{"a":99999999999}`, `{"a":null}`, `{"a":"1"}`, `{"a":{"b":[1,{"c":"]}"}]}, "d" : [ ] , "e":true }`, `{"a": 01}`, `[1,2`,
		`[["a","b"],["c","d"]]`, `[ [ "a" , "b" ] ]`, `["a b","c d"]`, `["#version: 0.2","a b"]`, `[["a","b"],"c d"]`, `[["a"]]`, `[["a","b","c"]]`, `[[]]`, `[null]`, `[["a",null]]`, `["a",null]`,
		`[["a",-1.5],["b",0]]`, `[["a","1"]]`, `[["a",null]]`, `[["a",1e400]]`, `[["a",1,2]]`, `[["a"]]`, `[[1,1]]`, `"x"`, `7`, `{"a":0.000000012345678901234567890}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		raw = bytes.Trim(raw, jsonSpace)
		var object map[string]json.RawMessage
		err := json.Unmarshal(raw, &object)
		if got, ok := members(raw); ok != (err == nil) || !maps.EqualFunc(got, object, func(a, b json.RawMessage) bool { return bytes.Equal(a, b) }) {
			t.Errorf("%s: members %s, %v, want %s, %v", raw, got, ok, object, err)
		}
		var ids map[string]*uint32
		err = json.Unmarshal(raw, &ids)
		vocab := map[string]int32{}
		for token, id := range ids {
			if id == nil || *id > math.MaxInt32 {
				err = ErrFormat
				break
			}
			vocab[token] = int32(*id)
		}
		if got, _, wrong := vocabOf(raw); (got != nil) != (err == nil && ids != nil) || got != nil && !maps.Equal(got, vocab) || got == nil && (wrong != nil) != (raw[0] == '{') {
			t.Errorf("%s: vocab %v, wrong %s, want %v, %v", raw, got, wrong, vocab, err)
		}
		in := []byte(fmt.Sprintf(`{"merges":%s, "vocab":%s}`, raw, raw))
		f, g := objectByJSON(in), objectByJSON(in)
		gotMerges, wantMerges := readMerges(f, "merges"), mergesByJSON(g, "merges")
		if !slices.Equal(gotMerges, wantMerges) || fmt.Sprint(f.err) != fmt.Sprint(g.err) {
			t.Errorf("%s: merges %q, %v, want %q, %v", raw, gotMerges, f.err, wantMerges, g.err)
		}
		f, g = objectByJSON(in), objectByJSON(in)
		gotPieces, wantPieces := readPieces(f, "vocab"), piecesByJSON(g, "vocab")
		if !slices.Equal(gotPieces, wantPieces) || fmt.Sprint(f.err) != fmt.Sprint(g.err) {
			t.Errorf("%s: pieces %v, %v, want %v, %v", raw, gotPieces, f.err, wantPieces, g.err)
		}
	})
}

// objectByJSON is object by encoding/json.
func objectByJSON(raw []byte) *fields {
	f := &fields{asked: map[string]bool{}}
	f.err = json.Unmarshal(raw, &f.raw)
	return f
}

// mergesByJSON reads as the lean reader does, by encoding/json alone.
func mergesByJSON(f *fields, key string) (out [][2]string) {
	pairs, badAt, bad := false, "", ""
	for i, raw := range want[[]json.RawMessage](f, key) {
		where := fmt.Sprintf("%s[%d]", key, i)
		var line *string
		var pair []*string
		isLine := json.Unmarshal(raw, &line) == nil && line != nil
		isPair := json.Unmarshal(raw, &pair) == nil && len(pair) == 2 && pair[0] != nil && pair[1] != nil
		if i == 0 {
			pairs = !isLine
		}
		switch {
		case pairs && !isPair:
			f.fail(ErrFormat, where, "got %s, want a pair of strings", excerpt(raw))
		case !pairs && !isLine:
			f.fail(ErrFormat, where, "got %s, want a string, as before it", excerpt(raw))
		case pairs:
			out = append(out, [2]string{*pair[0], *pair[1]})
		case !strings.HasPrefix(*line, "#version"):
			left, right, ok := strings.Cut(*line, " ")
			if !ok || strings.Contains(right, " ") {
				if badAt == "" {
					badAt, bad = where, *line
				}
			}
			out = append(out, [2]string{left, right})
		}
	}
	if badAt != "" { // said after what is of the wrong kind
		f.fail(ErrFormat, badAt, "got %s, want two tokens with a space between them", excerpt(strconv.AppendQuote(nil, bad)))
	}
	if f.err != nil {
		return nil
	}
	return out
}

// BenchmarkRead is of a tokenizer as large as the largest known ones.
func BenchmarkRead(b *testing.B) {
	var vocab, merges bytes.Buffer
	id := 0
	token := func(s string) {
		fmt.Fprintf(&vocab, ",\n      %q: %d", s, id)
		id++
	}
	var all []string
	for c := 'a'; c <= 'z'; c++ {
		token(string(c))
		all = append(all, string(c))
	}
	for i := 0; id < 256000; i++ { // each token is an earlier one and one more letter
		left, right := all[i/26], string(rune('a'+i%26))
		all = append(all, left+right)
		token(left + right)
		fmt.Fprintf(&merges, ",\n      %q", left+" "+right)
	}
	raw := fmt.Appendf(nil, `{"version": "1.0", "model": {"type": "BPE", "vocab": {%s}, "merges": [%s]}}`, vocab.Bytes()[1:], merges.Bytes()[1:])
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(raw); err != nil {
			b.Fatal(err)
		}
	}
}
