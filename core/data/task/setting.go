package task

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Setting places the task's parameters and the size of its training set (0: fresh examples for ever) beside the published ones:
//
//	published
//	scaled down: length 64 (published 512), pairs 8 (published 64)
//	changed: length 1024 (published 512)
//
// A task is scaled down where sizes are smaller and none is larger. The answer is empty where nothing is published.
func (i Info) Setting(examples int) string {
	if i.Published == nil {
		return ""
	}
	var differs []string
	smaller, larger := false, false
	for _, key := range slices.Sorted(maps.Keys(i.Parameters)) {
		got, want := i.Parameters[key], i.Published[key]
		if got == want {
			continue
		}
		differs = append(differs, fmt.Sprintf("%s %s (published %s)", key, number(got), number(want)))
		if key != "power_a" && key != "random_non_queries" { // no sizes
			smaller, larger = smaller || got < want, larger || got > want
		}
	}
	switch want := i.PublishedExamples; {
	case want == unsaid || examples == want:
	case examples == 0:
		differs = append(differs, fmt.Sprintf("fresh training examples (published %d fixed ones)", want))
	case want == 0:
		differs = append(differs, fmt.Sprintf("%d training examples (published fresh ones)", examples))
		smaller = true
	default:
		differs = append(differs, fmt.Sprintf("%d training examples (published %d)", examples, want))
		smaller, larger = smaller || examples < want, larger || examples > want
	}
	if len(differs) == 0 {
		return "published"
	}
	how := "changed: "
	if smaller && !larger {
		how = "scaled down: "
	}
	return how + strings.Join(differs, ", ")
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
