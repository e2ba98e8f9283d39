package report

import (
	"math"
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
