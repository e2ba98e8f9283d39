package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestCompileRefuses(t *testing.T) {
	check := must(t)
	shape := tensor.Shape{2, 2}
	cases := []struct {
		name, want string
		make       func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient)
	}{
		{"nothing", "no outputs", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) { return nil, nil }},
		{"a parameter of another shape", "parameter w has shape", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			return gorgonia.Nodes{check(gorgonia.Tanh(input(g, "w", 3, 2)))}, nil
		}},
		{"a random op", "from the clock", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			r := gorgonia.GaussianRandomNode(g, tensor.Float32, 0, 1, 2, 2)
			return gorgonia.Nodes{check(gorgonia.Add(r, input(g, "x", 2, 2)))}, nil
		}},
		{"a float64 input", "want float32 or int32", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			x := gorgonia.NewMatrix(g, tensor.Float64, gorgonia.WithShape(2, 2), gorgonia.WithName("x"))
			return gorgonia.Nodes{check(gorgonia.Tanh(x))}, nil
		}},
		{"an unknown saved buffer", "saved buffers", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			n := check(gorgonia.ApplyOp(mixOp{n: 1, saved: 1, shape: shape}, input(g, "x", 2, 2)))
			return gorgonia.Nodes{check(Saved(n, 5, 2, 2))}, nil
		}},
		{"a saved buffer of another length", "saved buffer 0", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			n := check(gorgonia.ApplyOp(mixOp{n: 1, saved: 1, shape: shape}, input(g, "x", 2, 2)))
			return gorgonia.Nodes{check(Saved(n, 0, 3, 2))}, nil
		}},
		{"a saved buffer of another type", "saved buffer 1", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			n := check(gorgonia.ApplyOp(mixOp{n: 1, saved: 1, shape: shape}, input(g, "x", 2, 2)))
			return gorgonia.Nodes{check(Saved(n, 1, 2, 2))}, nil
		}},
		{"the gradient of no parameter", "no such trainable parameter", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			n := check(gorgonia.Tanh(input(g, "x", 2, 2)))
			return gorgonia.Nodes{n}, []Gradient{{"nobody", n}}
		}},
		{"a gradient of another shape", "gradient of w has shape", func(g *gorgonia.ExprGraph, p *Params) (gorgonia.Nodes, []Gradient) {
			n := check(gorgonia.Tanh(input(g, "x", 2, 3)))
			return gorgonia.Nodes{n}, []Gradient{{"w", n}}
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gorgonia.NewGraph()
			p := makeParams(t, ParamSpec{Name: "w", Shape: []int{2, 2}})
			out, grads := c.make(g, p)
			_, err := Compile(g, out, Options{Capacity: 2, Params: p, Grads: grads})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	if _, err := Compile(gorgonia.NewGraph(), nil, Options{Precision: "fp8"}); !errors.As(err, new(*PrecisionError)) {
		t.Errorf("precision fp8: got %v, want a *PrecisionError", err)
	}
	g := gorgonia.NewGraph()
	out := check(gorgonia.Tanh(input(g, "x", 4, 4)))
	for limit, ok := range map[int64]bool{63: false, 64: true, 0: true} {
		_, err := Compile(g, gorgonia.Nodes{out}, Options{Capacity: 4, Limit: limit})
		if errors.As(err, new(*MemoryError)) == ok || (err == nil) != ok {
			t.Errorf("an arena of 64 bytes with a limit of %d: got %v", limit, err)
		}
	}
	for name, s := range map[string]ParamSpec{
		"too few rows":  {Name: "a", Shape: []int{6, 4}, Matrices: []int{2, 3}},
		"too many rows": {Name: "a", Shape: []int{6, 4}, Matrices: []int{6, 1}},
		"no rows":       {Name: "a", Shape: []int{6, 4}, Matrices: []int{6, 0}},
		"a vector":      {Name: "a", Shape: []int{4}, Matrices: []int{1}},
	} {
		if _, err := NewParams([]ParamSpec{s}); err == nil || !strings.Contains(err.Error(), "parameter a") {
			t.Errorf("matrices of %s: got %v, want an error that names the parameter", name, err)
		}
	}
	if _, err := NewParams([]ParamSpec{{Name: "a", Shape: []int{2, 3, 4}, Matrices: []int{3, 3}}}); err != nil {
		t.Errorf("a matrix for each of two experts: %v", err)
	}
	if _, err := NewParams([]ParamSpec{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("two parameters of one name: want an error")
	}
	if _, err := Saved(input(gorgonia.NewGraph(), "x", 2), 0, 2); err == nil {
		t.Error("saved buffer of an input: want an error")
	}
}

// A panic of a kernel and a cancelled context come back as errors, and the plan runs again after both.
func TestRunErrors(t *testing.T) {
	check := must(t)
	g := gorgonia.NewGraph()
	x := input(g, "x", 2, 2)
	ok := check(gorgonia.ApplyOp(mixOp{n: 1, shape: tensor.Shape{2, 2}}, x))
	bad := check(gorgonia.ApplyOp(mixOp{n: 1, shape: tensor.Shape{2, 2}, fail: "kernel: short x"}, ok))
	p, err := Compile(g, gorgonia.Nodes{bad}, Options{Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(&Run{Rows: 2}); err == nil || !strings.Contains(err.Error(), "step 1 (mix") || !strings.Contains(err.Error(), "short x") {
		t.Errorf("got %v, want the step and the kernel's words", err)
	}
	p, err = Compile(g, gorgonia.Nodes{ok}, Options{Capacity: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(&Run{Rows: 3}); err == nil {
		t.Error("more rows than the capacity: want an error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := Run{Rows: 2}
	if err := p.RunContext(ctx, &r); !errors.Is(err, context.Canceled) || r.FLOPs != 0 {
		t.Errorf("cancelled: got %v and %v FLOPs, want context.Canceled and none", err, r.FLOPs)
	}
	if err := p.Run(&r); err != nil || r.FLOPs != 4 {
		t.Errorf("afterwards: got %v and %v FLOPs, want nil and 4", err, r.FLOPs)
	}
	s := Stats{}
	p.Profile(s, true)
	if got := s["mix"]; got.Calls != 1 || got.FLOPs != 4 || len(s.List()) != 1 {
		t.Errorf("profile: got %+v", s.List())
	}
	p.Profile(s, true)
	if got := s["mix"]; got.Calls != 1 {
		t.Errorf("profile after a reset: got %+v, want the same sums", got)
	}
}

// A panic on any of a pool's threads ends the run alone: the pool and the plan go on as before, and so does the process.
func TestRunSurvivesPanicsInAPool(t *testing.T) {
	for _, threads := range []int{1, 2, 3} {
		pool := kernel.NewPool(threads)
		g := gorgonia.NewGraph()
		broken := false
		out := must(t)(gorgonia.ApplyOp(mixOp{n: 1, shape: tensor.Shape{2, 2}, pooled: &broken}, input(g, "x", 2, 2)))
		p, err := Compile(g, gorgonia.Nodes{out}, Options{Capacity: 2, Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		fillInput(t, p, "x")
		b, _ := p.Buffer(out)
		var want []float32
		for i := range 30 {
			broken = i%3 == 2
			err := p.Run(&Run{Rows: 2})
			switch {
			case broken && (err == nil || !strings.Contains(err.Error(), "step 0 (mix") || !strings.Contains(err.Error(), "out of range")):
				t.Fatalf("%d threads: got %v, want the step and the panic", threads, err)
			case !broken && err != nil:
				t.Fatalf("%d threads: got %v", threads, err)
			case i == 0:
				want = slices.Clone(b.F32)
			case !broken && !slices.Equal(b.F32, want):
				t.Fatalf("%d threads: got %v after a panic, want %v", threads, b.F32, want)
			}
		}
		pool.Close()
	}
}

// What follows from parameters alone is computed once until they change, and by every run of a plan that does not ask
// for it.
func TestDerivedValuesAreKept(t *testing.T) {
	check := must(t)
	for _, keep := range []bool{true, false} {
		params := makeParams(t, ParamSpec{Name: "w", Shape: []int{2, 2}})
		g := gorgonia.NewGraph()
		x, w := input(g, "x", 2, 2), input(g, "w", 2, 2)
		sum := check(gorgonia.Add(x, check(gorgonia.Tanh(check(gorgonia.Exp(w))))))
		p, err := Compile(g, gorgonia.Nodes{sum}, Options{Capacity: 2, Params: params, KeepDerived: keep})
		if err != nil {
			t.Fatal(err)
		}
		xs := fillInput(t, p, "x")
		for i := range 4 {
			if i == 2 {
				params.Get("w").W[1] = 2
				params.Changed()
			}
			if err := p.Run(&Run{Rows: 2}); err != nil {
				t.Fatal(err)
			}
			b, _ := p.Buffer(sum)
			for j, w := range params.Get("w").W {
				want := xs[j] + float32(math.Tanh(float64(float32(math.Exp(float64(w))))))
				if b.F32[j] != want {
					t.Errorf("keep %v, run %d: got %v, want %v", keep, i, b.F32[j], want)
				}
			}
		}
		s := Stats{}
		p.Profile(s, false)
		want := int64(4)
		if keep {
			want = 2
		}
		if got := s["gorgonia.tanh"].Calls; got != want {
			t.Errorf("keep %v: tanh ran %d times, want %d", keep, got, want)
		}
	}
}
