package train

import (
	"math"
	"testing"
)

// The factors are worked out by hand from the formulas for 10 steps.
func TestSchedule(t *testing.T) {
	cos := func(q float64) float64 { return 0.1 + 0.9*(1+math.Cos(math.Pi*q))/2 }
	cases := []struct {
		name string
		s    Schedule
		want [10]float64
	}{
		{"constant", Schedule{Kind: "constant"}, [10]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"constant after warmup", Schedule{Kind: "constant", Warmup: 0.4}, [10]float64{0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1, 1}},
		{"linear to nothing", Schedule{Kind: "linear"}, [10]float64{1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1}},
		{"linear", Schedule{Kind: "linear", Warmup: 0.2, Final: 0.2}, [10]float64{0.5, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3}},
		{"cosine", Schedule{Kind: "cosine", Warmup: 0.2, Final: 0.1},
			[10]float64{0.5, 1, 1, cos(1. / 8), cos(2. / 8), cos(3. / 8), cos(4. / 8), cos(5. / 8), cos(6. / 8), cos(7. / 8)}},
		{"wsd", Schedule{Kind: "wsd", Warmup: 0.2, Decay: 0.4, Final: 0}, [10]float64{0.5, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25}},
		{"wsd without decay", Schedule{Kind: "wsd", Warmup: 0.1}, [10]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
	}
	for _, c := range cases {
		for i, want := range c.want {
			got := c.s.Factor(float64(i)/10, float64(i+1)/10)
			// A few roundings of numbers near 1.
			if math.Abs(got-want) > 1e-12 {
				t.Errorf("%s: step %d: got %v, want %v", c.name, i, got, want)
			}
		}
	}
}

func TestBudgetSteps(t *testing.T) {
	cases := []struct {
		b     Budget
		flops float64
		want  int
		err   bool
	}{
		{Budget{Tokens: 1000}, 7, 10, false},
		{Budget{Tokens: 1099}, 7, 10, false},
		{Budget{Tokens: 99}, 7, 0, true},
		{Budget{FLOPs: 7000}, 7, 10, false},
		{Budget{FLOPs: 699}, 7, 0, true},
		{Budget{FLOPs: 7000}, 0, 0, true},
		{Budget{FLOPs: 1e30}, 7, 0, true},
		{Budget{Seconds: 3}, 7, 0, false},
		{Budget{}, 7, 0, true},
	}
	for _, c := range cases {
		got, err := c.b.Steps(100, c.flops)
		if got != c.want || (err != nil) != c.err {
			t.Errorf("%+v at %v FLOPs: got %d, %v; want %d, error %v", c.b, c.flops, got, err, c.want, c.err)
		}
	}
}
