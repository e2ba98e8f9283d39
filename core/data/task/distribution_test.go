package task

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
)

// What the documentation calls uniform is: each kind's draws fall into their bins about equally often, in training and in tests. Problems
// of a few tokens are so few that each belongs to one split and their numbers are uneven; none of those is looked at.
func TestDrawsAreUniform(t *testing.T) {
	index := func(e Example, x int32) int { return slices.Index(e.Tokens, x) }
	for _, tt := range []struct {
		name string
		cfg  Config
		bins int
		of   func(e Example, count func(bin int))
	}{
		{"parity: lengths", Config{Kind: "parity", Set: Values{"min_length": 23, "length": 29}}, 7, func(e Example, count func(int)) { count(index(e, 2) - 23) }},
		{"parity: answers", Config{Kind: "parity", Preset: Paper}, 2, func(e Example, count func(int)) { count(int(e.Targets[index(e, 2)])) }},
		{"modular: operators", Config{Kind: "modular_arithmetic", Set: Values{"min_length": 13, "length": 40}}, 3, func(e Example, count func(int)) {
			count(int(e.Tokens[1]) - 5)
		}},
		{"modular: numbers", Config{Kind: "modular_arithmetic", Set: Values{"min_length": 13, "length": 40}}, 5, func(e Example, count func(int)) { count(int(e.Tokens[0])) }},
		{"polynomial: operations", Config{Kind: "polynomial", Preset: Paper}, 5, func(e Example, count func(int)) {
			n := -1
			for _, x := range e.Tokens {
				if x >= 7 && x < 11 {
					n++
				}
			}
			count(n)
		}},
		{"polynomial: operators", Config{Kind: "polynomial", Preset: Paper}, 4, func(e Example, count func(int)) { count(int(e.Tokens[0]) - 7) }},
		{"needle: place by quarters", Config{Kind: "needle", Set: Values{"length": 399}}, 4, func(e Example, count func(int)) {
			before, _, _ := strings.Cut(text(e.Tokens), "\n"+needleBefore)
			count((len(before) - len(haystackTask) - 1) * 4 / 400)
		}},
		{"needle: first digit of keys to 999, 1 to 9", Config{Kind: "needle"}, 9, func(e Example, count func(int)) {
			_, rest, _ := strings.Cut(text(e.Tokens), needleBefore)
			count(int(rest[0] - '1'))
		}},
		{"recall: keys", Config{Kind: "in_context_recall", Preset: Paper}, 8, func(e Example, count func(int)) { count(int(e.Tokens[0])) }},
		{"memorization: keys", Config{Kind: "memorization", Set: Values{"vocab": 17}}, 8, func(e Example, count func(int)) { count(int(e.Tokens[2])) }},
		{"MAD's copying: tokens", Config{Kind: "mad_selective_copy", Preset: Paper}, 14, func(e Example, count func(int)) { count(int(e.Targets[len(e.Targets)-1])) }},
		{"dyck: types", Config{Kind: "dyck", Preset: Paper}, 8, func(e Example, count func(int)) { count(int(e.Tokens[0])) }},
		{"dyck: lengths by 20", Config{Kind: "dyck", Preset: Paper}, 9, func(e Example, count func(int)) { count((index(e, 16) - 1) / 20) }},
		{"sort: symbols", Config{Kind: "sort", Preset: Paper}, 5, func(e Example, count func(int)) { count(int(e.Tokens[0])) }},
		{"reverse: symbols", Config{Kind: "reverse", Preset: Paper}, 2, func(e Example, count func(int)) { count(int(e.Tokens[0])) }},
	} {
		task := open(t, tt.cfg)
		for _, split := range []data.Split{data.Train, data.Test} {
			counts := make([]int, tt.bins)
			n := 0
			for i := range 2500 {
				tt.of(task.Example(split, 21, i), func(bin int) {
					if bin < 0 || bin >= tt.bins {
						t.Fatalf("%s: bin %d of %d", tt.name, bin, tt.bins)
					}
					counts[bin]++
					n++
				})
			}
			p := 1 / float64(tt.bins)
			for bin, c := range counts {
				// Five standard deviations of a binomial count.
				if math.Abs(float64(c)-p*float64(n)) > 5*math.Sqrt(float64(n)*p*(1-p)) {
					t.Errorf("%s, %s: bin %d came %d times of %d: %v", tt.name, split, bin, c, n, counts)
				}
			}
		}
	}
}

// A fifth of the pairs is noise, but for one and the last.
func TestNoiseOfRecall(t *testing.T) {
	task := open(t, Config{Kind: "noisy_recall", Preset: Paper})
	noise, pairs := 0.0, 0.0
	for i := range 1000 {
		e := task.Example(data.Train, 4, i)
		for at := 0; at < 126; at += 2 {
			pairs++
			if e.Tokens[at] >= 16 {
				noise++
			}
		}
	}
	p := 0.2 * 62 / 63
	if math.Abs(noise-p*pairs) > 5*math.Sqrt(pairs*p*(1-p)) {
		t.Errorf("%v of %v pairs are noise, want about %v", noise, pairs, p*pairs)
	}
}

// Keys of fuzzy recall have one to three tokens in training and three in tests, as the publication's generator has them.
func TestKeysOfFuzzyRecall(t *testing.T) {
	task := open(t, Config{Kind: "fuzzy_recall", Preset: Paper})
	for _, split := range []data.Split{data.Train, data.Validation, data.Test} {
		sizes := map[int]int{}
		for i := range 200 {
			run := 0
			for _, x := range task.Example(split, 5, i).Tokens {
				if x < 7 {
					run++
				} else if run > 0 {
					sizes[run]++
					run = 0
				}
			}
		}
		if split == data.Train && (len(sizes) != 3 || sizes[1] == 0 || sizes[3] == 0) || split != data.Train && (len(sizes) != 1 || sizes[3] == 0) {
			t.Errorf("%s: sizes of keys %v", split, sizes)
		}
	}
}
