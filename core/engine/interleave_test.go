package engine

import (
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// headsPlan is a plan of n heads, three values each, on one trunk: aliases of it, whose gradients are added up head by head.
func headsPlan(t *testing.T, n int, early bool) *Plan {
	t.Helper()
	check := must(t)
	shape := tensor.Shape{64, 32}
	g := gorgonia.NewGraph()
	w := input(g, "w", shape...)
	trunk := check(gorgonia.Tanh(w))
	at := make([]*gorgonia.Node, n)
	for i := n - 1; i >= 0; i-- {
		if at[i] = trunk; i > 0 {
			trunk = check(Alias(trunk))
		}
	}
	var losses []*gorgonia.Node
	for i := range n {
		c := gorgonia.NewConstant(float32(i + 2))
		h := check(gorgonia.HadamardProd(at[i], c))
		h = check(gorgonia.Tanh(h))
		h = check(gorgonia.Square(h))
		losses = append(losses, check(gorgonia.Sum(h)))
	}
	total := check(gorgonia.ReduceAdd(losses))
	grads, backward, err := Differentiate(total, []string{"w"}, []*gorgonia.Node{w})
	if err != nil {
		t.Fatal(err)
	}
	params := makeParams(t, ParamSpec{Name: "w", Shape: shape})
	params.Train()
	for i := range params.Get("w").W {
		params.Get("w").W[i] = float32(i%7) / 9
	}
	opts := Options{Params: params, Grads: grads, Capacity: 64, Backward: backward, Poison: true}
	if early {
		opts.BackwardAfter = losses[:n-1]
	}
	p, err := Compile(g, gorgonia.Nodes{total}, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(&Run{Rows: 64}); err != nil {
		t.Fatal(err)
	}
	return p
}

// With a backward pass after each head the memory does not grow with the heads but by their scalars, without it does; gradients have
// the same bits.
func TestBackwardAfterEachHead(t *testing.T) {
	const scalars = 4 * 8 * 4 * cacheLine // of 4 more heads, no more than eight each
	for _, early := range []bool{true, false} {
		few, many := headsPlan(t, 3, early).ArenaBytes(), headsPlan(t, 7, early).ArenaBytes()
		if grows := many > few+scalars; grows == early {
			t.Errorf("backward after each head %v: %d bytes with 3 heads, %d with 7", early, few, many)
		}
	}
	a, b := headsPlan(t, 5, true), headsPlan(t, 5, false)
	for i, x := range a.params.Get("w").Grad {
		if y := b.params.Get("w").Grad[i]; x != y || x == 0 != (a.params.Get("w").W[i] == 0) {
			t.Fatalf("gradient %d is %v after each head and %v after all", i, x, y)
		}
	}
}
