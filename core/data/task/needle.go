package task

import (
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// needleKind is a needle in a haystack: a pass key hidden in filler text (Mohtashami & Jaggi 2023, "Landmark Attention", section 4.2). The
// key is uniform in [1,keys], its place uniform among the filler's characters. The tokens are those of data.Bytes; the key's digits with the
// space before them, and the EOD after, are scored.
//
// Haystack makes the same text for models of other tokenizers.
var needleKind = Kind{
	Name: "needle", Suite: "needle", Summary: "needle in a haystack: find a pass key in filler text",
	Source:      "Mohtashami & Jaggi 2023, Landmark Attention: Random-Access Infinite Context Length for Transformers (arXiv:2305.16300), pass key retrieval",
	Unpublished: "the publication asks models trained on text; tokens are bytes here",
	Examples:    unsaid,
	Params: []Param{
		{Key: "length", Doc: "characters of filler", Min: 0, Max: 1 << 20, Size: true, Paper: 5000, CPU: 64},
		{Key: "keys", Doc: "different pass keys", Min: 8, Max: 1e9, Size: true, Paper: 50_000, CPU: 999},
	},
	Whole: true, Scale: "length", PaperScale: []int{0, 100, 500, 1000, 5000, 8000, 10_000, 12_000, 14_000, 18_000, 20_000, 25_000, 38_000},
	open: func(v Values) (*design, error) {
		length, keys := v.int("length"), v.int("keys")
		problem := func(r *rng.Source) (prompt, answer string, hash uint64) {
			place, key := r.Intn(length+1), 1+r.Intn(keys)
			prompt, answer = Haystack(length, place, key)
			return prompt, answer, rng.Hash(uint64(length), uint64(place), uint64(key))
		}
		longest, digits := Haystack(length, 0, keys)
		return &design{
			length: 1 + len(longest) + len(digits), vocab: data.Bytes{}.Vocab(), answers: byteAnswers(" 0123456789"),
			draw: func(e *Example, r *rng.Source) uint64 {
				prompt, answer, hash := problem(r)
				putText(e, prompt, answer)
				return hash
			},
			text: &textDesign{
				prompt: func(r *rng.Source) (string, uint64) {
					prompt, _, hash := problem(r)
					return prompt, hash
				},
				solve: solveHaystack,
				answer: func(completion string) (string, bool) {
					key := strings.TrimPrefix(completion, " ")
					if !isNumber(key) {
						return "", false
					}
					return key, true
				},
				verify: func(prompt, completion string) bool {
					want, err := solveHaystack(prompt)
					return err == nil && completion == want
				},
			},
		}, nil
	},
}

const (
	haystackTask   = "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the important information there."
	haystackFiller = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
	needleBefore   = "The pass key is "
	needleAfter    = ". Remember it. "
	needleQuestion = "What is the pass key? The pass key is"
)

// Haystack is a text with so many characters of filler that hides a key after place of them, and asks for it; the answer follows the
// text as " " and the key.
func Haystack(length, place, key int) (prompt, answer string) {
	filler := strings.Repeat(haystackFiller+" ", length/len(haystackFiller)+1)[:length]
	k := strconv.Itoa(key)
	return strings.Join([]string{haystackTask, filler[:place], needleBefore + k + needleAfter + k + " is the pass key.", filler[place:], needleQuestion}, "\n"), " " + k
}

// solveHaystack finds the key.
func solveHaystack(prompt string) (string, error) {
	_, rest, found := strings.Cut(prompt, needleBefore)
	key, _, whole := strings.Cut(rest, needleAfter)
	if !found || !whole || !isNumber(key) {
		return "", &data.Error{Kind: data.ErrFormat, Where: "prompt", Message: "it hides no pass key"}
	}
	return " " + key, nil
}
