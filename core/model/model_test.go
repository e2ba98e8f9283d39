package model

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/safetensors"
	"gorgonia.org/gorgonia"
)

// Calls on one model wait for each other, and models do not disturb each other, although Gorgonia has global state.
func TestConcurrentUse(t *testing.T) {
	want := map[string][]byte{}
	configs := []string{`{"stock":true}`, `{"window":3}`, `{"extra":2}`}
	work := func(m *lm) []byte {
		r := rand.New(rand.NewPCG(1, 1))
		for range 3 {
			train(t, m, batch(r, 2, 9))
		}
		return saved(t, m)
	}
	for _, c := range configs {
		want[c] = work(build(t, c, 1))
	}
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			c := configs[i%3]
			m := build(t, c, 1+i%2)
			var inner sync.WaitGroup
			for range 3 {
				inner.Go(func() { probeOpen(t, m) })
			}
			got := work(m)
			inner.Wait()
			if !bytes.Equal(got, want[c]) {
				t.Errorf("%s: trains differently beside others", c)
			}
		})
	}
	wg.Wait()
}

func probeOpen(t *testing.T, m *lm) {
	ids, err := m.Open(background, 1)
	if err == nil {
		_, err = m.Extend(background, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[0], Tokens: []int32{1, 2}}}})
	}
	if err != nil {
		t.Error(err)
	}
}

// A call that waits for its turn returns when its context ends.
func TestWaitingIsCancellable(t *testing.T) {
	m := build(t, `{}`, 1)
	if err := m.enter(background); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(background)
	result := make(chan error)
	go func() { _, err := m.Open(ctx, 1); result <- err }()
	cancel()
	if err := <-result; family.CodeOf(err) != family.Canceled {
		t.Errorf("got %v, want code canceled", err)
	}
	m.leave()
	if _, err := m.Open(background, 1); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestReleased(t *testing.T) {
	m := build(t, `{}`, 1)
	id := open(t, m)
	if err := m.Release(background); err != nil {
		t.Fatal(err)
	}
	_, err := m.Extend(background, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: []int32{1}}}})
	if family.CodeOf(err) != family.NotFound {
		t.Errorf("got %v, want code not_found", err)
	}
}

func TestLoadRefusesAndKeeps(t *testing.T) {
	m := build(t, `{"buffer":true}`, 1)
	r := rand.New(rand.NewPCG(1, 1))
	train(t, m, batch(r, 2, 4))
	before := saved(t, m)
	var opt bytes.Buffer
	if err := m.Save(background, family.Optimizer, &opt); err != nil {
		t.Fatal(err)
	}
	tensors, meta, err := safetensors.Read(bytes.NewReader(opt.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	file := func(change func(ts []safetensors.Tensor, meta map[string]string) []safetensors.Tensor) []byte {
		copied := map[string]string{}
		for k, v := range meta {
			copied[k] = v
		}
		ts := change(append([]safetensors.Tensor{}, tensors...), copied)
		var b bytes.Buffer
		if err := safetensors.Write(&b, ts, copied); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	type T = []safetensors.Tensor
	cases := []struct {
		name, field string
		data        []byte
	}{
		{"nothing", "optimizer", nil},
		{"truncated", "optimizer", opt.Bytes()[:opt.Len()-1]},
		{"a tensor missing", tensors[0].Name, file(func(ts T, _ map[string]string) T { return ts[1:] })},
		{"a tensor too many", "more", file(func(ts T, _ map[string]string) T {
			return append(ts, safetensors.F32("more", []int{1}, []float32{1}))
		})},
		{"another shape", tensors[0].Name, file(func(ts T, _ map[string]string) T {
			ts[0] = safetensors.F32(ts[0].Name, []int{1}, []float32{1})
			return ts
		})},
		{"another type", tensors[0].Name, file(func(ts T, _ map[string]string) T { ts[0].DType = "I32"; return ts })},
		{"no step", "step", file(func(ts T, meta map[string]string) T { delete(meta, "step"); return ts })},
		{"a negative step", "step", file(func(ts T, meta map[string]string) T { meta["step"] = "-1"; return ts })},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := m.Load(background, family.Optimizer, bytes.NewReader(c.data))
			e, ok := err.(*family.Error)
			if !ok || e.Code != family.Corrupt || e.Field != c.field {
				t.Errorf("got %#v, want code corrupt at %s", err, c.field)
			}
			if !bytes.Equal(saved(t, m), before) {
				t.Error("something changed")
			}
		})
	}
	if err := m.Load(background, "gradients", nil); family.CodeOf(err) != family.InvalidArgument {
		t.Errorf("an unknown part: got %v", err)
	}
	for _, ts := range tensors {
		if strings.HasSuffix(ts.Name, "usage") {
			t.Errorf("%s: a buffer has no moments", ts.Name)
		}
	}
}

// Adding a tensor to a model changes no other tensor's initial values; another seed changes all random ones.
func TestInitialWeightsDependOnSeedAndName(t *testing.T) {
	a, b := build(t, `{}`, 1), build(t, `{"stock":true}`, 1)
	c, _, err := tinyFamily().Build(background, family.BuildRequest{Vocab: 23, Context: 600, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range a.params.All() {
		if fmt.Sprint(p.W) != fmt.Sprint(b.params.Get(p.Name).W) {
			t.Errorf("%s: differs in a model with one more tensor", p.Name)
		}
		if random := p.W[0] != p.W[1]; random && fmt.Sprint(p.W) == fmt.Sprint(c.(*lm).params.Get(p.Name).W) {
			t.Errorf("%s: the same for another seed", p.Name)
		}
	}
}

// broken is an architecture whose Forward panics.
type broken struct{ with func() }

func (b broken) Forward(*nn.Graph) nn.Output { b.with(); return nn.Output{} }
func (b broken) Costs(int) family.Cost       { return family.Cost{} }

func TestPanicsOfBuildersAreErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		code       family.Code
		with       func()
	}{
		{"shape", "attention: D=130 is not divisible by H=4", family.InvalidConfig, func() { nn.Fail("attention", "D=130 is not divisible by H=4") }},
		{"typed", "heads: too many", family.InvalidConfig, func() { panic(family.Errorf(family.InvalidConfig, "heads", "too many")) }},
		{"gorgonia", "Graph", family.Internal, func() { gorgonia.Must(gorgonia.Tanh(gorgonia.NewConstant(float32(1)))) }},
	} {
		f := Family(Spec[struct{}]{New: func(struct{}, int, int) (Architecture, error) { return broken{c.with}, nil }})
		_, _, err := f.Build(background, family.BuildRequest{Vocab: 5, CardOnly: true})
		if err == nil || family.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s with %q", c.name, err, c.code, c.want)
		}
	}
}

// What cannot fit into memory is refused before it is allocated, and the model goes on.
func TestTooLargeIsRefused(t *testing.T) {
	specs := []nn.ParamSpec{{Name: "a", Shape: []int{1 << 10, 1 << 10}}}
	for bytes, ok := range map[int64]bool{16<<20 - 1: false, 16 << 20: true, 0: true} {
		if err := fits(specs, bytes); (err == nil) != ok || !ok && family.CodeOf(err) != family.Exhausted {
			t.Errorf("%d bytes: got %v", bytes, err)
		}
	}
	if memory() == 0 {
		t.Skip("the machine's memory is unknown")
	}
	f := Family(Spec[struct{}]{New: func(struct{}, int, int) (Architecture, error) {
		return forward(func(g *nn.Graph) nn.Output {
			x := nn.Embedding(g.Param("embed", nn.Constant(0), 1<<31, 1<<31), g.Tokens())
			return nn.Output{Hidden: x, Projection: g.Param("embed", nn.Constant(0), 1<<31, 1<<31)}
		}), nil
	}})
	if _, _, err := f.Build(background, family.BuildRequest{Vocab: 5}); family.CodeOf(err) != family.Exhausted {
		t.Errorf("a model of 2^62 parameters: got %v, want code exhausted", err)
	}
	m := build(t, `{}`, 1)
	m.memory = 1000
	b := batch(rand.New(rand.NewPCG(1, 1)), 2, 8)
	if _, err := m.Score(background, b); family.CodeOf(err) != family.Exhausted {
		t.Errorf("a batch of too many activations: got %v, want code exhausted", err)
	}
	m.memory = 0
	if _, err := m.Score(background, b); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// forward is an architecture that only has a Forward.
type forward func(g *nn.Graph) nn.Output

func (f forward) Forward(g *nn.Graph) nn.Output { return f(g) }
func (f forward) Costs(int) family.Cost         { return family.Cost{} }

func TestBuildRequests(t *testing.T) {
	ok := family.BuildRequest{Vocab: 5, Context: 8, CardOnly: true}
	for name, change := range map[string]func(*family.BuildRequest){
		"vocab":      func(r *family.BuildRequest) { r.Vocab = 0 },
		"context":    func(r *family.BuildRequest) { r.Context = -1 },
		"threads":    func(r *family.BuildRequest) { r.Threads = -1 },
		"precision":  func(r *family.BuildRequest) { r.Precision = "fp8" },
		"lengths[1]": func(r *family.BuildRequest) { r.Lengths = []int{1, 0} },
		"heads":      func(r *family.BuildRequest) { r.Config = json.RawMessage(`{"heads":3}`) },
	} {
		r := ok
		change(&r)
		m, _, err := tinyFamily().Build(background, r)
		if e, is := err.(*family.Error); !is || e.Field != name || m != nil {
			t.Errorf("%s: got %#v and %v", name, err, m)
		}
	}
	m, card, err := tinyFamily().Build(background, ok)
	if err != nil || m != nil || card.Parameters == 0 {
		t.Errorf("card only: got %v, %+v and %v", m, card, err)
	}
}
