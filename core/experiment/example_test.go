package experiment_test

import (
	"fmt"

	"github.com/archlab/archlab/core/experiment"
)

// All that is wrong with a file comes at once, each with its place and, where a word was misspelt, the nearest.
func Example() {
	text := `name: first
data: {corpus: gosrc, context: 64}
models: [{family: transformer}]
train:
  budget: {tokens: 1M}
  bacth: 8
  learning_rate: -1
`
	_, err := experiment.Parse("first.yaml", []byte(text), []string{"data.context=128"})
	fmt.Println(err)
	// Output:
	// first.yaml:6:3: train.bacth: unknown key; did you mean "batch"?
	// first.yaml:7:18: train.learning_rate: got -1, want more than 0
}
