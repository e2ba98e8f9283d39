package task

import (
	"testing"

	"github.com/archlab/archlab/core/data"
)

// solveNames answers the second token of every name that was mentioned before; nil for a story that breaks the rules.
func solveNames(v Values, tokens []int32) map[int]int32 {
	words, names := int32(v.int("words")), int32(v.int("names"))
	kind := func(t int32) int { return int(min(1, max(0, t-words+1))) + int(min(1, max(0, t-words-names+1))) } // 0 word, 1 first, 2 second
	second, out := map[int32]int32{}, map[int]int32{}
	for i, t := range tokens {
		switch kind(t) {
		case 1:
			if known, ok := second[t]; ok {
				out[i] = known
			}
			if i+1 == len(tokens) {
				break
			}
			if next := tokens[i+1]; kind(next) != 2 || second[t] != 0 && second[t] != next {
				return nil
			}
			second[t] = tokens[i+1]
		case 2:
			if i == 0 || kind(tokens[i-1]) != 1 {
				return nil
			}
		}
	}
	if len(second) > v.int("people") {
		return nil
	}
	return out
}

// In training a first token has its habits and every next token is learned; tests draw names anew and score known names alone.
func TestNames(t *testing.T) {
	task := open(t, Config{Kind: "names", Set: Values{"habit": 2}})
	v := task.Info().Parameters
	names := int32(v.int("names"))
	for _, split := range []data.Split{data.Train, data.Validation, data.Test} {
		habits, all := 0, 0
		for i := range 200 {
			e := task.Example(split, 3, i)
			want := solveNames(v, e.Tokens)
			if want == nil {
				t.Fatalf("%s %d breaks the rules: %v", split, i, e.Tokens)
			}
			for at, w := range e.Weights {
				answer, asked := want[at]
				switch {
				case split == data.Train && at+1 < len(e.Tokens):
					if w != 1 || e.Targets[at] != e.Tokens[at+1] {
						t.Fatalf("train %d at %d: weight %v, target %d, next token %d", i, at, w, e.Targets[at], e.Tokens[at+1])
					}
				case (w == 1) != asked || asked && e.Targets[at] != answer:
					t.Fatalf("%s %d at %d: weight %v, target %d, want %d (%v)", split, i, at, w, e.Targets[at], answer, asked)
				}
				if asked {
					all++
					if off := (answer - names - e.Tokens[at] + names) % names; off < 2 {
						habits++
					}
				}
			}
		}
		if share := float64(habits) / float64(all); split == data.Train && share != 1 || split != data.Train && (share < 0.01 || share > 0.15) {
			t.Errorf("%s: %.3f of %d names are habits, want %v", split, share, all, map[bool]string{true: "all", false: "2 of 32"}[split == data.Train])
		}
	}
	for key, value := range map[string]float64{"people": 33, "habit": 33} {
		if _, err := Open(Config{Kind: "names", Set: Values{key: value}}); err == nil {
			t.Errorf("%s %v is accepted", key, value)
		}
	}
}
