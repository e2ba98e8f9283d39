package task

import "testing"

func TestSetting(t *testing.T) {
	mqar := Preset("mqar", "published")
	with := func(change func(*Config)) Config {
		c := mqar
		change(&c)
		return c
	}
	for _, tt := range []struct {
		name     string
		cfg      Config
		examples int
		want     string
	}{
		{"mqar as published", mqar, 100_000, "published"},
		{"mqar, another published length", Config{Kind: "mqar", Vocab: 8192, Length: 64, Pairs: 4}, 100_000, "published"},
		{"mqar, fresh examples", mqar, 0, "changed: fresh training examples (published 100000 fixed ones)"},
		{"mqar, fewer examples", mqar, 5000, "scaled down: 5000 training examples (published 100000)"},
		{"mqar, more examples", mqar, 200_000, "changed: 200000 training examples (published 100000)"},
		{"mqar for a laptop", Config{Kind: "mqar", Vocab: 128, Length: 64, Pairs: 8}, 0,
			"scaled down: length 64 (published 512), pairs 8 (published 64), vocab 128 (published 8192), fresh training examples (published 100000 fixed ones)"},
		{"mqar, published length, small vocab", Config{Kind: "mqar", Vocab: 256, Length: 64, Pairs: 4}, 100_000, "scaled down: vocab 256 (published 8192)"},
		{"mqar, larger vocab", with(func(c *Config) { c.Vocab = 1 << 20 }), 100_000, "changed: vocab 1048576 (published 8192)"},
		{"mqar, larger and smaller", with(func(c *Config) { c.Vocab, c.Length = 9000, 400 }), 100_000, "changed: length 400 (published 512), vocab 9000 (published 8192)"},
		{"mqar, other gaps", with(func(c *Config) { c.PowerA = 0.005 }), 100_000, "changed: power_a 0.005 (published 0.01)"},
		{"mqar, blank", with(func(c *Config) { c.Blank = true }), 100_000, "changed: random_non_queries 0 (published 1)"},
		{"copy as published", Preset("selective_copy", "published"), 0, "published"},
		{"copy, training set not said", Preset("selective_copy", "published"), 1000, "published"},
		{"copy for a laptop", Preset("selective_copy", "cpu"), 0, "scaled down: length 64 (published 4096), memorize 8 (published 16)"},
		{"induction as published", Preset("induction", "published"), 0, "published"},
		{"induction, fixed set", Preset("induction", "published"), 300, "scaled down: 300 training examples (published fresh ones)"},
		{"induction for a laptop", Preset("induction", "cpu"), 0, "scaled down: length 64 (published 256)"},
		{"addition", Preset("addition", "cpu"), 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := open(t, tt.cfg).Info().Setting(tt.examples); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
