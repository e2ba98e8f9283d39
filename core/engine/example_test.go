package engine_test

import (
	"fmt"

	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A linear model y = x w, its squared error, the gradient that Gorgonia derives, and one AdamW step.
func Example() {
	g := gorgonia.NewGraph()
	x := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("x"))
	y := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(2, 1), gorgonia.WithName("y"))
	w := gorgonia.NewMatrix(g, tensor.Float32, gorgonia.WithShape(3, 1), gorgonia.WithName("w"))
	off := gorgonia.Must(gorgonia.Sub(gorgonia.Must(gorgonia.Mul(x, w)), y))
	loss := gorgonia.Must(gorgonia.Sum(gorgonia.Must(gorgonia.Square(off))))

	params, err := engine.NewParams([]engine.ParamSpec{{Name: "w", Shape: []int{3, 1}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	params.Train()
	grads, backward, err := engine.Differentiate(loss, []string{"w"}, []*gorgonia.Node{w})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := engine.Compile(g, gorgonia.Nodes{loss}, engine.Options{Params: params, Capacity: 2, Grads: grads, Backward: backward})
	if err != nil {
		fmt.Println(err)
		return
	}

	in, _ := plan.Input("x")
	copy(in.F32, []float32{1, 0, 0, 0, 1, 0})
	in, _ = plan.Input("y")
	copy(in.F32, []float32{2, -1})
	out, _ := plan.Buffer(loss)
	for range 2 {
		if err := plan.Run(&engine.Run{Rows: 2}); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("loss %.2f gradient %.1f\n", out.F32[0], params.Get("w").Grad)
		params.Update(nil, engine.Step{LearningRate: 0.5, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8}, params.GradNorm(nil))
	}
	// Output:
	// loss 5.00 gradient [-4.0 2.0 0.0]
	// loss 2.50 gradient [-3.0 1.0 0.0]
}
