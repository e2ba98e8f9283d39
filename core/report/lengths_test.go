package report

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/record"
)

func TestLengths(t *testing.T) {
	point := func(accuracy float64) record.Result {
		return record.Result{Lengths: []record.TaskScore{{Task: "induction", Parameter: "length", Length: 128, T: 128, Unit: "answer", Items: 10, Accuracy: accuracy, Low: 0.1, High: 0.9, Loss: accuracy}}}
	}
	one := lengths([]record.Result{point(0.5)})
	if len(one) != 1 || one[0].Low != 0.1 || one[0].High != 0.9 || one[0].Seeds != 1 {
		t.Errorf("one seed: got %+v, want its own interval", one)
	}
	// The seeds' own intervals are [0.1,0.9].
	three := lengths([]record.Result{point(0.4), point(0.5), point(0.6)})
	if x := three[0]; math.Abs(x.Accuracy-0.5) > 1e-12 || math.Abs(x.High-0.9) > 1e-12 || math.Abs(x.Low-0.1) > 1e-12 || math.Abs(x.Loss-0.5) > 1e-12 || x.Seeds != 3 {
		t.Errorf("three seeds: got %+v", x)
	}
	// Student's t with two degrees of freedom: 0.3 +- 4.303 x 0.1/sqrt(3).
	if x := lengths([]record.Result{point(0.2), point(0.3), point(0.4)})[0]; math.Abs(x.Low-0.0516) > 1e-3 || x.High != 0.9 {
		t.Errorf("seeds apart: got %+v", x)
	}
	if x := lengths([]record.Result{point(1), point(1), point(0.9)})[0]; x.High != 1 {
		t.Errorf("the interval leaves [0,1]: %+v", x)
	}
}

// The models are compared at the longest length, over the sequences that all were asked.
func TestVerdictAtTheLongestLength(t *testing.T) {
	result := func(seed uint64, right ...int) record.Result {
		of := slices.Repeat([]int{1}, len(right))
		return record.Result{Seed: seed, Lengths: []record.TaskScore{{Parameter: "length", Length: 64, Right: make([]int, len(right)), Of: of}, {Parameter: "length", Length: 512, Right: right, Of: of}}}
	}
	entries := []entry{{row: Row{Name: "far"}}, {row: Row{Name: "near"}}}
	for seed := range uint64(4) {
		far, near := make([]int, 100), make([]int, 100)
		for i := range far {
			far[i] = 1
			if (i+int(seed))%10 == 0 {
				far[i], near[i] = 0, 1
			}
		}
		far[90+seed], far[91] = 0, 0 // seeds that all give the same difference say nothing of the next
		entries[0].results = append(entries[0].results, result(seed, far...))
		entries[1].results = append(entries[1].results, result(seed, near...))
	}
	for i := range entries {
		entries[i].row.Lengths = lengths(entries[i].results)
		if x := entries[i].row.Lengths[1]; x.Right != nil {
			t.Error("a report repeats what the records hold")
		}
	}
	found, _ := compareAll(entries, true)
	if len(found) != 1 || found[0].Metric != "accuracy at length 512" || len(found[0].Pairs) != 1 {
		t.Fatalf("got %+v", found)
	}
	if p := found[0].Pairs[0]; !p.Decided || p.Verdict != "far" || p.Items != 100 || math.Abs(*p.Difference-0.78) > 0.01 {
		t.Errorf("got %+v", p)
	}
	many := lengthItems(record.Result{Lengths: []record.TaskScore{{Length: 8, Right: []int{3, 1}, Of: []int{4, 2}}}}, 8)
	if many.Score() != 4.0/6 {
		t.Errorf("several answers a sequence: %v, want 4 of 6", many.Score())
	}
	if lengthItems(result(1, 1), 100) != nil {
		t.Error("a length that was not tested has items")
	}
}

// Accuracy against length is in every form of a report.
func TestLengthsAreShown(t *testing.T) {
	rep := build(t, fixture(t, t.TempDir(), "lengths", "c1"))
	page, err := HTML(rep)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"HTML": string(page), "Markdown": string(Markdown(rep))} {
		for _, want := range []string{"Accuracy against length", "length 128", "scaled down: length 64 (paper 256)", "12.5 %"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}
