package nn

// Output is what a model's building code answers.
type Output struct {
	Hidden     *Node // [M,D] after the last norm
	Projection *Node // [V,D]
	// Heads predict later tokens. They cost nothing but memory for their weights in Scoring and Decoding graphs that leave
	// them out.
	Heads []Head
	// Aux losses are added to the training loss.
	Aux []AuxLoss
	// Metrics are reported and have no gradient.
	Metrics []Metric
	// Updates change buffers after a step that was not skipped.
	Updates []Update
}

// Head is an extra head: at row i it predicts what row i+Offset predicts in the main head, in the same sequence.
type Head struct {
	Name       string
	Offset     int // 1: the token after the next
	Hidden     *Node
	Projection *Node
	Weight     float32 // of its loss in what is minimised
}

// AuxLoss is a scalar that training minimises beside the loss on tokens.
type AuxLoss struct {
	Name        string
	Node        *Node
	Coefficient float32
}

// Metric is a scalar to report.
type Metric struct {
	Name string
	Node *Node
}

// Update changes a buffer (see Init.Buffer) after each step by the sum of a node's values over the step's micro-batches,
// in their order.
type Update struct {
	Param  string
	Signal *Node
	Apply  func(w, signal []float32)
}
