package task_test

import (
	"fmt"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
)

// A task, its training batches, and an exact check of an answer.
func Example() {
	t, err := task.Open(task.Config{Kind: "addition", Set: task.Values{"min_digits": 2, "max_digits": 2}})
	if err != nil {
		fmt.Println(err)
		return
	}
	train, err := task.NewSampler(t, task.SamplerConfig{B: 4, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch, err := train.Batch(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("B, T:", batch.B, batch.T)

	sums := t.(task.Verifiable)
	prompt := sums.Prompt(data.Test, 1, 0)
	fmt.Println(sums.Verify("47+85=", "7+5+0=12,4+8+1=13:132"), sums.Verify(prompt, ":no number"))
	// Output:
	// B, T: 4 28
	// true false
}
