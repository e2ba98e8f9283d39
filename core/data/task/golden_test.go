package task

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

// Examples never change: records of old runs name them by seed alone. The file holds, for each kind, preset and split, the identity of the
// first examples of two seeds.
func TestGolden(t *testing.T) {
	const path = "testdata/golden.txt"
	var b strings.Builder
	for _, kind := range Names() {
		for _, preset := range Presets {
			task := open(t, Config{Kind: kind, Preset: preset})
			for _, split := range everySplit {
				for _, seed := range []uint64{1, 1 << 63} {
					set, err := NewSet(task, split, seed, 1, 3)
					if err != nil {
						t.Fatal(err)
					}
					fmt.Fprintf(&b, "%s %s %s %d %.16s\n", kind, preset, split, seed, set.Identity())
				}
			}
		}
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	was := strings.Split(string(want), "\n")
	for i, line := range strings.Split(b.String(), "\n") {
		if i >= len(was) || was[i] != line {
			t.Errorf("got  %s\nwant %s", line, was[min(i, len(was)-1)])
		}
	}
}

// One example of each kind as it reads, so that a change of format is seen and not only noticed.
func TestExamplesRead(t *testing.T) {
	for _, tt := range []struct {
		kind string
		set  Values
		want string
	}{
		{"mqar", Values{"vocab": 20, "length": 12, "pairs": 2, "blank": 1}, "5 11 8 17 5>11 0 8>17 0 0 0 0 0"},
		{"induction", Values{"vocab": 6, "length": 8}, "0 2 2 2 1 5 1 5>1"},
		{"selective_copy", Values{"vocab": 6, "length": 8, "memorize": 3}, "0 4 0 0 0 1 0 1 5>4 5>1 5>1"},
		{"in_context_recall", Values{"vocab": 6, "length": 12}, "0 3 1 3 1>3 3 2 5 2>5 5 1>3"},
		{"noisy_recall", Values{"vocab": 8, "noise_vocab": 3, "noise": 0.5, "length": 12}, "5 6 6 7 1 4 7 6 1>4 4 1>4"},
		{"fuzzy_recall", Values{"vocab": 11, "length": 20}, "10 10 10 3 4 6 0 2 6 9 3 2 9 7 1 4 5 7 3 4>6"},
		{"mad_selective_copy", Values{"vocab": 6, "length": 11, "memorize": 3}, "4 2 4 3 4 4 3 5 4>2 4>3 4>3"},
		{"compression", Values{"vocab": 6, "length": 5}, "1 3 4 0 5>1 5>3 5>4 5>0"},
		{"memorization", Values{"vocab": 9, "length": 8}, "0 8>5 2 8>6 0 8>5 3 8>4"},
		{"parity", Values{"min_length": 5, "length": 6}, "0>0 1>1 1>0 0>0 0>0 0>0 2>0"},
		{"modular_arithmetic", Values{"min_length": 7, "length": 7}, "3 5 2 6 1 7 4 8>1"},
		{"dyck", Values{"min_length": 8, "length": 8}, "0 2 0 2 1 3 0 1 4>3 3>2 2>5 6 6"},
		{"reverse", Values{"min_length": 4, "length": 5, "symbols": 4}, "3 2 1 1 4>1 1>1 1>2 2>3 5 5"},
		{"sort", Values{"min_length": 4, "length": 5}, "3 0 2 2 1 5>0 0>1 1>2 2>2 2>3"},
		{"polynomial", Values{"operations": 2, "min_operations": 2, "degree": 2}, "7 9 1 1 0 4 11>0 0>3 12 12"},
	} {
		e := open(t, Config{Kind: tt.kind, Set: tt.set}).Example(data.Test, 1, 0)
		if got := read(e); got != tt.want {
			t.Errorf("%s %v:\ngot  %s\nwant %s", tt.kind, tt.set, got, tt.want)
		}
	}
}

// read writes tokens with >answer after each that is asked.
func read(e Example) string {
	var out []string
	for i, x := range e.Tokens {
		s := fmt.Sprint(x)
		if e.Weights[i] != 0 {
			s += fmt.Sprintf(">%d", e.Targets[i])
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}
