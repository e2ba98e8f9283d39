package experiment

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/train/traintest"
)

// stepped is a family whose size is quadratic in its knob and that refuses widths which are no multiple of odd.
type stepped struct {
	family.Family
	odd    int
	builds int
}

func (s *stepped) Build(_ context.Context, r family.BuildRequest) (family.Model, family.Card, error) {
	s.builds++
	var c struct{ Width int }
	if err := json.Unmarshal(r.Config, &c); err != nil {
		return nil, family.Card{}, err
	}
	if !r.CardOnly {
		return nil, family.Card{}, errors.New("weights were asked for")
	}
	if c.Width%s.odd != 0 {
		return nil, family.Card{}, family.Errorf(family.InvalidConfig, "width", "%d is not divisible by %d", c.Width, s.odd)
	}
	n := int64(c.Width * c.Width)
	return nil, family.Card{Family: "stepped", Config: r.Config, Parameters: 2 * n, ActiveParameters: n, Costs: []family.Cost{{T: 64, TrainFLOPs: float64(6 * n), StateBytes: n / 2}}}, nil
}

func TestTurn(t *testing.T) {
	knob := family.Knob{Field: "width", Min: 4, Max: 4096, Step: 4}
	cases := []struct {
		name   string
		odd    int
		m      Match
		want   int
		around []int
	}{
		{"exact", 1, Match{By: "active_params", Target: 10000}, 100, []int{96, 100}},
		{"nearest above", 1, Match{By: "active_params", Target: 10300}, 100, []int{100, 104}},
		{"params", 1, Match{By: "params", Target: 20000}, 100, []int{96, 100}},
		{"flops", 1, Match{By: "train_flops", Target: 60000}, 100, []int{96, 100}},
		{"state", 1, Match{By: "state_bytes", Target: 5000}, 100, []int{96, 100}},
		{"below the range", 1, Match{By: "active_params", Target: 3}, 4, []int{4}},
		{"above the range", 1, Match{By: "active_params", Target: 1e12}, 4096, []int{4096}},
		{"refused values", 24, Match{By: "active_params", Target: 10000}, 96, []int{96, 120}},
		{"refused values, far", 100, Match{By: "active_params", Target: 90100}, 300, []int{300, 400}},
	}
	for _, c := range cases {
		fam := &stepped{odd: c.odd}
		best, around, err := Turn(context.Background(), fam, knob, family.BuildRequest{}, Object{}, c.m, 64)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []int
		for _, s := range around {
			got = append(got, s.Knob)
		}
		if best.Knob != c.want || len(got) != len(c.around) || got[0] != c.around[0] || got[len(got)-1] != c.around[len(got)-1] {
			t.Errorf("%s: got %d between %v, want %d between %v", c.name, best.Knob, got, c.want, c.around)
		}
		// Bisection over 1024 values, times the values stepped over at each.
		if fam.builds > 12*(c.odd/2+2) {
			t.Errorf("%s: %d cards were built", c.name, fam.builds)
		}
	}
	if _, _, err := Turn(context.Background(), &stepped{odd: 5000}, knob, family.BuildRequest{}, Object{}, Match{By: "params", Target: 1e4}, 64); err == nil ||
		!strings.Contains(err.Error(), "width: ") {
		t.Errorf("nothing buildable: got %v, want the family's refusal", err)
	}
	if _, _, err := Turn(context.Background(), &stepped{odd: 1}, family.Knob{}, family.BuildRequest{}, Object{}, Match{By: "params", Target: 1e4}, 64); err == nil {
		t.Error("a family without a knob was turned")
	}
	if _, _, err := Turn(context.Background(), &stepped{odd: 1}, knob, family.BuildRequest{}, Object{}, Match{By: "state_bytes", Target: 1e4}, 65); err == nil {
		t.Error("a card without the length was compared")
	}
}

// bigrams answers competitors for a file whose models are all bigrams.
func bigrams(t *testing.T, f *File) []Competitor {
	t.Helper()
	fam := traintest.Bigram()
	d, err := fam.Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := make([]Competitor, len(f.Models))
	for i := range out {
		out[i] = Competitor{fam, d}
	}
	return out
}

func plan(t *testing.T, text string, sets ...string) (*Plan, error) {
	t.Helper()
	f, err := Parse("x.yaml", []byte(text), sets)
	if err != nil {
		t.Fatal(err)
	}
	return f.Plan(context.Background(), bigrams(t, f), 257, 24)
}

func TestPlan(t *testing.T) {
	p, err := plan(t, small, "seeds.model=[1, 2, 3]", "models[0].config.width=10", "train.batch=8", "data.context=64", "train.budget={tokens: 100K}")
	if err != nil {
		t.Fatal(err)
	}
	m := p.Models[0]
	// 100000 / (8 x 64) = 195 whole steps; the bigram costs 6 x 257 x 10 FLOPs a token and has 2 x 257 x 10 parameters.
	if p.Trainings != 3 || m.Steps != 195 || m.Tokens != 195*512 || m.FLOPs != 195*512*6*2570 || p.Tokens != 3*195*512 || m.Memory != 16*5140 {
		t.Errorf("got %+v", p)
	}
	if p, err = plan(t, small, "train.budget={flops: 1e9}", "train.batch=1", "data.context=32"); err != nil || p.Models[0].Steps != 2533 /* 1e9 / (32 x 6 x 257 x 8) */ {
		t.Errorf("flops: %+v, %v", p, err)
	}
	if p, err = plan(t, small, "train.budget={seconds: 5}"); err != nil || p.Models[0].Steps != 0 {
		t.Errorf("seconds: %+v, %v", p, err)
	}
	if p, err = plan(t, small, "match={by: params, target: 20560}"); err != nil || p.Models[0].Knob != "width=40" || p.Models[0].Off != 0 || string(p.Models[0].Config) != `{"width":40}` {
		t.Errorf("matched: %+v, %v", p, err)
	}
}

// half is a family that has bf16 as well.
type half struct{ family.Family }

func (h half) Build(ctx context.Context, r family.BuildRequest) (family.Model, family.Card, error) {
	p := r.Precision
	r.Precision = family.FP32
	m, c, err := h.Family.Build(ctx, r)
	c.Precision = p
	return m, c, err
}

// A model has its own precision, or that of all.
func TestPrecision(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"train.batch=8", "fp32"}, {"train.precision=bf16", "bf16"}, {"models[0].precision=bf16", "bf16"},
	} {
		f, err := Parse("x.yaml", []byte(small), []string{c.set})
		if err != nil {
			t.Fatal(err)
		}
		text, err := f.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if f, err = Parse("resolved.yaml", text, nil); err != nil {
			t.Fatal(err)
		}
		fam := half{traintest.Bigram()}
		d, err := fam.Describe(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.Capabilities.Precisions = append(d.Capabilities.Precisions, family.BF16)
		p, err := f.Plan(t.Context(), []Competitor{{Family: fam, Description: d}}, 257, 0)
		if err != nil || string(p.Models[0].Card.Precision) != c.want {
			t.Errorf("%s: got %v, %+v, want precision %s", c.set, err, p, c.want)
		}
	}
}

// table is a family with one row of weights for each position, as learned positions have; it holds no more than its context.
type table struct{ family.Family }

func (table) Build(_ context.Context, r family.BuildRequest) (family.Model, family.Card, error) {
	c := family.Card{Family: "table", Config: r.Config, Parameters: int64(10 * r.Context)}
	for _, t := range r.Lengths {
		if t > r.Context {
			return nil, c, family.Errorf(family.InvalidArgument, "lengths", "got %d, the context is %d", t, r.Context)
		}
		c.Costs = append(c.Costs, family.Cost{T: t, TrainFLOPs: 1})
	}
	return nil, c, nil
}

// What only the measurement of decoding would feed must not change a model's size; where it does not, all is measured.
func TestContext(t *testing.T) {
	for _, c := range []struct {
		name    string
		fam     family.Family
		sets    []string
		context int
		decode  []int
		params  int64
	}{
		{"rotary", traintest.Bigram(), nil, 1024 + 24, []int{64, 232, 256, 1024}, 2 * 257 * 8},
		{"learned", table{}, nil, 256, []int{64, 232}, 2560},
		{"learned, room for all", table{}, []string{"eval.decode=[64]"}, 256, []int{64}, 2560},
		{"learned, sampled from", table{}, []string{"data={task: addition}", "ttc={}"}, 0, nil, 0},
	} {
		f, err := Parse("x.yaml", []byte(small), append([]string{"eval.decode=[64, 232, 256, 1024]"}, c.sets...))
		if err != nil {
			t.Fatal(err)
		}
		if f.TTC != nil { // a prompt and an answer as long as the task's sequences
			c.context, c.params = 2*f.Data.Context, int64(20*f.Data.Context)
			c.decode = f.decodable(c.context - 24)
		}
		p, err := f.Plan(context.Background(), []Competitor{{c.fam, family.Description{Name: "x"}}}, 257, 24)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		m := p.Models[0]
		if m.Context != c.context || !slices.Equal(m.Decode, c.decode) || m.Card.Parameters != c.params {
			t.Errorf("%s: got context %d, decode %v, %d parameters; want %d, %v, %d", c.name, m.Context, m.Decode, m.Card.Parameters, c.context, c.decode, c.params)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	_, err := plan(t, small, "match={by: params, target: 1500, tolerance: 1%}")
	var mismatch *MatchError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "bigram (bigram): width=2 gives 1028 (-31.5%) and width=4 gives 2056 (+37.1%)") {
		t.Errorf("got %v", err)
	}
	// Matching that fails stands beside other problems.
	_, err = plan(t, small, "models=[{family: bigram}, {name: b, family: bigram, config: {width: 2}}, {name: c, family: bigram, config: {die_at: x}}]", "match={by: params, target: 1500, tolerance: 1%}")
	for _, want := range []string{"match: 1 of the models", "models[1].config.width: match turns this key; remove it, or remove match", "models[2].config: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	for set, want := range map[string]string{
		"models[0].config={width: 5000}":   "got 5000, want 1 to 4096", // out of the schema's range, refused by Build as well
		"models[0].config={widht: 4}":      "widht",
		"train.budget={flops: 5}":          "less than one step",
		"train.precision=bf16":             "models[0].family: the family bigram has no precision bf16, only [fp32]",
		"models[0].precision=fp16":         "models[0].precision: the family bigram has no precision fp16, only [fp32]",
		"train.budget={flops: 1e30}":       "more than 1e9",
		"models[0].config={width: [1, 2]}": "config",
	} {
		if _, err := plan(t, small, set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", set, err, want)
		}
	}
}

// A family's own schema finds every problem at the line of its key.
func TestCheckModel(t *testing.T) {
	const schema = `{"type":"object","additionalProperties":false,"required":["depth"],"properties":{
		"width":{"type":"integer","minimum":1,"maximum":64},"depth":{"type":"integer"},"rate":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1},
		"mode":{"type":"string","enum":["fast","exact"]},"on":{"type":"boolean"},
		"sizes":{"type":"array","items":{"type":"integer","minimum":1},"minItems":2,"maxItems":3},
		"inner":{"type":"object","additionalProperties":false,"properties":{"k":{"type":["integer","null"]}}}}}`
	text := strings.Replace(small, "- family: bigram", `- family: bigram
    config:
      widht: 4
      width: 65
      rate: 1
      mode: exakt
      on: yes please
      sizes: [0]
      inner: {k: x, j: 1}`, 1)
	f, err := Parse("x.yaml", []byte(text), []string{"models[0].config.name=1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`x.yaml:7:7: models[0].config: missing key "depth"`,
		`x.yaml:7:7: models[0].config.widht: unknown key; did you mean "width"?`,
		"x.yaml:8:14: models[0].config.width: got 65, want at most 64",
		"x.yaml:9:13: models[0].config.rate: got 1, want less than 1",
		`x.yaml:10:13: models[0].config.mode: got "exakt", want one of fast, exact; did you mean "exact"?`,
		`x.yaml:11:11: models[0].config.on: got "yes please", want true or false`,
		"x.yaml:12:14: models[0].config.sizes: got 1 items, want at least 2",
		"x.yaml:12:15: models[0].config.sizes[0]: got 0, want at least 1",
		`x.yaml:13:18: models[0].config.inner.k: got "x", want a whole number or nothing`,
		"x.yaml:13:21: models[0].config.inner.j: unknown key; known keys: k",
		"--set models[0].config.name=1: models[0].config.name: unknown key",
	}
	got := map[string]bool{}
	for _, p := range f.CheckModel(0, []byte(schema)) {
		got[p.Error()] = true
	}
	for _, w := range want {
		if !matches(got, w) {
			t.Errorf("missing: %s", w)
		}
	}
	for g := range got {
		t.Errorf("unexpected: %s", g)
	}
	if ps := f.CheckModel(0, []byte("{")); len(ps) != 1 {
		t.Errorf("a broken schema: got %v", ps)
	}
}
