package nn

import "fmt"

// ShapeError is what builders panic with: the op, and what it got and wanted.
type ShapeError struct {
	Op      string
	Message string
}

// Error reads "attention: D=130 is not divisible by H=4".
func (e *ShapeError) Error() string { return e.Op + ": " + e.Message }

// Fail panics with a *ShapeError. It is for builders only, whose caller recovers it.
func Fail(op, format string, args ...any) {
	panic(&ShapeError{Op: op, Message: fmt.Sprintf(format, args...)})
}

// wantShape fails unless n has the given shape; -1 matches any size.
func wantShape(op, what string, n *Node, want ...int) {
	if n == nil {
		Fail(op, "%s is missing, want shape %v", what, want)
	}
	got := n.Shape()
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = want[i] < 0 || got[i] == want[i]
	}
	if !ok {
		Fail(op, "%s has shape %v, want %v", what, []int(got), want)
	}
}
