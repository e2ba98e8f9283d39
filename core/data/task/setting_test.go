package task

import "testing"

func TestSetting(t *testing.T) {
	mqar := Config{Kind: "mqar", Preset: "paper"}
	for _, tt := range []struct {
		name     string
		cfg      Config
		examples int
		want     string
	}{
		{"mqar as published", mqar, 100_000, "paper"},
		{"mqar, another published length", Config{Kind: "mqar", Set: Values{"vocab": 8192, "length": 64, "pairs": 4}}, 100_000, "paper"},
		{"mqar, fresh examples", mqar, 0, "changed: fresh training examples (paper 100000 fixed ones)"},
		{"mqar, fewer examples", mqar, 5000, "scaled down: 5000 training examples (paper 100000)"},
		{"mqar, more examples", mqar, 200_000, "changed: 200000 training examples (paper 100000)"},
		{"mqar for a laptop", Config{Kind: "mqar", Set: Values{"vocab": 128, "length": 64, "pairs": 8}}, 0,
			"scaled down: vocab 128 (paper 8192), length 64 (paper 512), pairs 8 (paper 64), fresh training examples (paper 100000 fixed ones)"},
		{"mqar, published length, small vocab", Config{Kind: "mqar", Set: Values{"vocab": 256, "length": 64, "pairs": 4}}, 100_000, "scaled down: vocab 256 (paper 8192)"},
		{"mqar, larger vocab", mqar.With("vocab", 1e6), 100_000, "changed: vocab 1000000 (paper 8192)"},
		{"mqar, larger and smaller", mqar.With("vocab", 9000).With("length", 400), 100_000, "changed: vocab 9000 (paper 8192), length 400 (paper 512)"},
		{"mqar, other gaps", mqar.With("power_a", 0.005), 100_000, "changed: power_a 0.005 (paper 0.01)"},
		{"mqar, blank", mqar.With("blank", 1), 100_000, "changed: blank true (paper false)"},
		{"copy as published", Config{Kind: "selective_copy", Preset: "paper"}, 0, "paper"},
		{"copy, training set not said", Config{Kind: "selective_copy", Preset: "paper"}, 1000, "paper"},
		{"copy for a laptop", Config{Kind: "selective_copy", Preset: "cpu"}, 0, "scaled down: length 64 (paper 4096), memorize 8 (paper 16)"},
		{"induction as published", Config{Kind: "induction", Preset: "paper"}, 0, "paper"},
		{"induction, fixed set", Config{Kind: "induction", Preset: "paper"}, 300, "scaled down: 300 training examples (paper fresh ones)"},
		{"induction for a laptop", Config{Kind: "induction", Preset: "cpu"}, 0, "scaled down: length 64 (paper 256)"},
		{"addition for a laptop", Config{Kind: "addition", Preset: "cpu"}, 10_000, "changed: work true (paper false), reversed false (paper true)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := open(t, tt.cfg).Info().Setting(tt.examples); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	if got := open(t, Config{Kind: "induction", Set: Values{"length": 512}}).Info().TestSetting("scaled down: length 64 (paper 256)"); got != "scaled down: length 64 (paper 256)" {
		t.Errorf("a scaled-down model's test is %q", got)
	}
	paper := Config{Kind: "induction", Preset: "paper"}
	for length, want := range map[float64]string{256: "paper", 1 << 14: "paper", 100: "scaled down: length 100 (paper 256)"} {
		if got := open(t, paper.With("length", length)).Info().TestSetting(Paper); got != want {
			t.Errorf("tested at length %v: got %q, want %q", length, got, want)
		}
	}
}
