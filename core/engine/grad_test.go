package engine

import (
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"
)

// makeParams allocates trainable parameters with fixed numbers.
func makeParams(t testing.TB, specs ...ParamSpec) *Params {
	t.Helper()
	p, err := NewParams(specs)
	if err != nil {
		t.Fatal(err)
	}
	p.Train()
	for i, x := range p.All() {
		for j := range x.W {
			x.W[j] = float32((i+3*j)%7)/7 - 0.4
		}
	}
	return p
}

// Gradients of tied weights are summed, and land in Param.Grad whether the graph's node is a value of its own, shared
// between parameters, or a view.
func TestGradients(t *testing.T) {
	type G = gorgonia.Node
	check := must(t)
	cases := []struct {
		name string
		loss func(x, a, b *G) *G
		want func(x, a, b []float64) (da, db []float64)
	}{
		{"tied", func(x, a, b *G) *G { // sum(a*x*a) + sum(b)
			return check(gorgonia.Add(check(gorgonia.Sum(check(gorgonia.HadamardProd(check(gorgonia.HadamardProd(a, x)), a)))), check(gorgonia.Sum(b))))
		}, func(x, a, b []float64) (da, db []float64) {
			for i := range a {
				da, db = append(da, 2*a[i]*x[i]), append(db, 1)
			}
			return da, db
		}},
		{"one node for two parameters", func(x, a, b *G) *G { // sum((a+b)*x)
			return check(gorgonia.Sum(check(gorgonia.HadamardProd(check(gorgonia.Add(a, b)), x))))
		}, func(x, a, b []float64) (da, db []float64) { return x, x }},
		{"through a view", func(x, a, b *G) *G { // sum(reshape(a)^2) + sum(b*b*x)
			v := check(gorgonia.Reshape(a, []int{a.Shape().TotalSize()}))
			return check(gorgonia.Add(check(gorgonia.Sum(check(gorgonia.Square(v)))), check(gorgonia.Sum(check(gorgonia.HadamardProd(check(gorgonia.HadamardProd(b, b)), x))))))
		}, func(x, a, b []float64) (da, db []float64) {
			for i := range a {
				da, db = append(da, 2*a[i]), append(db, 2*b[i]*x[i])
			}
			return da, db
		}},
	}
	for _, c := range cases {
		for _, o := range []Options{{}, {Poison: true}, {NoSharing: true}} {
			t.Run(c.name, func(t *testing.T) {
				params := makeParams(t, ParamSpec{Name: "a", Shape: []int{2, 3}}, ParamSpec{Name: "b", Shape: []int{2, 3}})
				g := gorgonia.NewGraph()
				x, a, b := input(g, "x", 2, 3), input(g, "a", 2, 3), input(g, "b", 2, 3)
				loss := c.loss(x, a, b)
				var err error
				o.Params, o.Capacity = params, 2
				if o.Grads, o.Backward, err = Differentiate(loss, []string{"a", "b"}, []*G{a, b}); err != nil {
					t.Fatal(err)
				}
				p, err := Compile(g, gorgonia.Nodes{loss}, o)
				if err != nil {
					t.Fatal(err)
				}
				xs := fillInput(t, p, "x")
				for range 2 {
					if err := p.Run(&Run{Rows: 2}); err != nil {
						t.Fatal(err)
					}
				}
				da, db := c.want(doubles(xs), doubles(params.Get("a").W), doubles(params.Get("b").W))
				near(t, "da", params.Get("a").Grad, da)
				near(t, "db", params.Get("b").Grad, db)
			})
		}
	}
}

// Steps from the first node that Differentiate made on count as the backward pass, and a parameter that the total does
// not depend on is named.
func TestDifferentiate(t *testing.T) {
	check := must(t)
	g := gorgonia.NewGraph()
	x, w, idle := input(g, "x", 2, 2), input(g, "w", 2, 2), input(g, "idle", 2)
	total := check(gorgonia.Sum(check(gorgonia.HadamardProd(x, w))))
	check(gorgonia.Sum(idle)) // used, but not by the total
	if _, _, err := Differentiate(total, []string{"w", "idle"}, []*gorgonia.Node{w, idle}); err == nil || !strings.Contains(err.Error(), "parameter idle") {
		t.Errorf("got %v, want an error that names the idle parameter", err)
	}
	grads, backward, err := Differentiate(total, []string{"w"}, []*gorgonia.Node{w})
	if err != nil || len(grads) != 1 {
		t.Fatalf("got %v and %v", grads, err)
	}
	p, err := Compile(g, gorgonia.Nodes{total}, Options{Capacity: 2, Params: makeParams(t, ParamSpec{Name: "w", Shape: []int{2, 2}}), Grads: grads, Backward: backward})
	if err != nil {
		t.Fatal(err)
	}
	forward := 0
	for _, s := range p.steps {
		forward += 1 - s.pass
	}
	if forward != 2 || len(p.steps) <= forward {
		t.Errorf("%d of %d steps are the forward pass, want 2 of more", forward, len(p.steps))
	}
	if list, _, err := Differentiate(total, nil, nil); err != nil || len(list) != 0 {
		t.Errorf("no parameters: got %v and %v", list, err)
	}
}

func doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i := range x {
		y[i] = float64(x[i])
	}
	return y
}

// near allows the rounding of a few float32 operations.
func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !(math.Abs(float64(got[i])-want[i]) <= 1e-6*(1+math.Abs(want[i]))) {
			t.Fatalf("%s[%d]: got %v, want %v", what, i, got[i], want[i])
		}
	}
}

// AdamW as in the paper, in float64 beside it; decay on the parameter that asks for it only; fixed ones do not move.
func TestUpdateIsAdamW(t *testing.T) {
	p := makeParams(t, ParamSpec{Name: "w", Shape: []int{5, 7}, Decay: true}, ParamSpec{Name: "b", Shape: []int{33}}, ParamSpec{Name: "f", Shape: []int{3}, Fixed: true})
	type ref struct{ w, m, v []float64 }
	refs := map[string]*ref{}
	for _, x := range p.All() {
		refs[x.Name] = &ref{doubles(x.W), make([]float64, len(x.W)), make([]float64, len(x.W))}
	}
	s := Step{LearningRate: 1e-2, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1}
	for step := 1; step <= 4; step++ {
		sum := 0.0
		for _, x := range p.All() {
			for i := range x.Grad {
				x.Grad[i] = float32(math.Sin(float64(step*i))) * float32(step) * 0.2
				sum += float64(x.Grad[i]) * float64(x.Grad[i])
			}
		}
		norm := p.GradNorm(nil)
		near(t, "norm", []float32{float32(norm)}, []float64{math.Sqrt(sum)})
		clip := min(1, s.Clip/math.Sqrt(sum))
		p.Update(nil, s, norm)
		for _, x := range p.All() {
			r := refs[x.Name]
			for i := range x.Grad {
				g := float64(x.Grad[i]) * clip
				r.m[i] = s.Beta1*r.m[i] + (1-s.Beta1)*g
				r.v[i] = s.Beta2*r.v[i] + (1-s.Beta2)*g*g
				mh := r.m[i] / (1 - math.Pow(s.Beta1, float64(step)))
				vh := r.v[i] / (1 - math.Pow(s.Beta2, float64(step)))
				d := mh / (math.Sqrt(vh) + s.Epsilon)
				if x.Decay {
					d += s.WeightDecay * r.w[i]
				}
				r.w[i] -= s.LearningRate * d
			}
			for i := range r.w {
				// A few float32 roundings of the moments; the step is the learning rate times about 1.
				if math.Abs(float64(x.W[i])-r.w[i]) > 1e-6 {
					t.Fatalf("step %d: %s[%d] is %v, want %v", step, x.Name, i, x.W[i], r.w[i])
				}
			}
		}
	}
	if p.Steps != 4 {
		t.Errorf("Steps is %d, want 4", p.Steps)
	}
}

// Gradients of micro-batches are added in order: ((g1+g2)+g3), and nothing is copied for one alone.
func TestSumAddsMicroBatchesInOrder(t *testing.T) {
	p := makeParams(t, ParamSpec{Name: "w", Shape: []int{2, 2}}, ParamSpec{Name: "f", Shape: []int{2}, Fixed: true})
	w := p.Get("w")
	parts := []float32{1e8, 1, -1e8}
	for i, x := range parts {
		w.Grad[3] = x
		p.Sum(nil, i, len(parts))
	}
	if want := (parts[0] + parts[1]) + parts[2]; w.Grad[3] != want {
		t.Errorf("got %v, want %v", w.Grad[3], want)
	}
	before := p.Bytes()
	q := makeParams(t, ParamSpec{Name: "w", Shape: []int{2, 2}}, ParamSpec{Name: "f", Shape: []int{2}, Fixed: true})
	q.Sum(nil, 0, 1)
	if q.Bytes() >= before {
		t.Errorf("one micro-batch holds %d bytes, three hold %d: want less", q.Bytes(), before)
	}
}
