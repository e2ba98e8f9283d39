package tokenizer

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// maxRankedToken bounds the bytes of a token in a rank file; known ones have at most 128.
const maxRankedToken = 1 << 10

// ranked is a token of a rank file.
type ranked struct {
	token string
	rank  int32
}

// encoding is what tiktoken knows of a rank file besides the file.
type encoding struct {
	tokens  int // by which it is recognised
	pattern string
	special map[string]int32
}

// encodings are the published rank files.
var encodings = []encoding{
	{50256, "r50k", map[string]int32{"<|endoftext|>": 50256}},
	{50280, "p50k", map[string]int32{"<|endoftext|>": 50256}},
	{100256, "cl100k", map[string]int32{"<|endoftext|>": 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260, "<|endofprompt|>": 100276}},
	{199998, "o200k", map[string]int32{"<|endoftext|>": 199999, "<|endofprompt|>": 200018}},
	{128000, "llama3", llama3Special()},
	{151643, "qwen2", map[string]int32{"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}},
}

// llama3Special numbers Llama 3's special tokens: those with a use, and reserved ones in between and behind.
func llama3Special() map[string]int32 {
	const first, number = 128000, 256
	out := map[string]int32{}
	used := map[int]string{0: "<|begin_of_text|>", 1: "<|end_of_text|>", 6: "<|start_header_id|>", 7: "<|end_header_id|>", 9: "<|eot_id|>"}
	reserved := 0
	for i := range number {
		name, ok := used[i]
		if !ok {
			name = fmt.Sprintf("<|reserved_special_token_%d|>", reserved)
			reserved++
		}
		out[name] = int32(first + i)
	}
	return out
}

// ReadTiktoken reads a rank file: a token in base64 and its rank a line. The rank of a token is its id, and says how early it is merged: the
// neighbours whose joint token has the lowest rank go first, and a word that is a token is that token. The file does not hold how text is
// cut in words ("gpt2", "cl100k", "o200k", "llama3" or "qwen2") and which special tokens there are; with an empty pattern and no special
// tokens both are those of the published file of as many tokens.
//
// Written as tokenizer.json, ranks become merges: every split of a token in two others, in the order of ranks, as Hugging Face's converter
// has it. There two splits of one token are not equally early, but no text ever has two of them to choose from. Take a place where the two parts
// L and R of a token LR stand side by side. No merge went across the ends of LR until then, so those inside of it are the ones, in
// the same order, that LR alone goes through as a word; and that word comes to stand in two parts in one way at most. So every token has
// one split that is ever there, and ids are those of the rank file.
func ReadTiktoken(raw []byte, pattern string, special map[string]int32) (*Tokenizer, error) {
	list, err := readRanks(raw)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(encodings, func(e encoding) bool { return e.tokens == len(list) })
	if pattern == "" {
		if i < 0 {
			return nil, errorf(ErrConfig, "pattern", "a rank file of %d tokens is not one of the published ones: name a pattern, one of %q", len(list), patternNames())
		}
		pattern = encodings[i].pattern
	}
	if special == nil && i >= 0 && patterns[pattern] == patterns[encodings[i].pattern] {
		special = encodings[i].special
	}
	p, err := byteLevelParts(pattern)
	if err != nil {
		return nil, err
	}
	if p.model, err = rankedBPE(list, special); err != nil {
		return nil, err
	}
	p.added = specials(slices.SortedFunc(maps.Keys(special), func(a, b string) int {
		return cmp.Or(cmp.Compare(special[a], special[b]), cmp.Compare(a, b))
	}), special)
	return assemble(p)
}

// isTiktoken says whether a file begins as a rank file does.
func isTiktoken(raw []byte) bool {
	line, _, _ := bytes.Cut(raw[:min(len(raw), 4*maxRankedToken)], []byte("\n"))
	_, err := readRank(bytes.TrimSuffix(line, []byte("\r")))
	return err == nil
}

// readRanks reads the lines of a rank file, and sorts them by rank.
func readRanks(raw []byte) ([]ranked, error) {
	var list []ranked
	for n := 1; len(raw) > 0; n++ {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			continue
		}
		r, err := readRank(line)
		if err != nil {
			return nil, errorf(ErrFormat, fmt.Sprintf("line %d", n), "%v", err)
		}
		list = append(list, r)
	}
	if len(list) == 0 {
		return nil, errorf(ErrFormat, "", "a rank file without tokens")
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	for i := range list[1:] {
		if list[i].rank == list[i+1].rank {
			return nil, errorf(ErrFormat, "", "the tokens %q and %q both have rank %d", list[i].token, list[i+1].token, list[i].rank)
		}
	}
	return list, nil
}

func readRank(line []byte) (ranked, error) {
	token, rank, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return ranked{}, fmt.Errorf("want a token in base64, a space and a rank, got %.40q", line)
	}
	if len(token) == 0 || base64.StdEncoding.DecodedLen(len(token)) > maxRankedToken+2 {
		return ranked{}, fmt.Errorf("want a token of 1 to %d bytes, got %d in base64", maxRankedToken, len(token))
	}
	text, err := base64.StdEncoding.AppendDecode(nil, token)
	if err != nil {
		return ranked{}, fmt.Errorf("the token %.40q is not base64", token)
	}
	n, err := strconv.ParseUint(string(rank), 10, 31)
	if err != nil || n >= maxID {
		return ranked{}, fmt.Errorf("want a rank of 0 to %d, got %.40q", maxID-1, rank)
	}
	return ranked{string(text), int32(n)}, nil
}
