package task

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Setting places the task's parameters and the size of its training set (0: fresh examples for ever) beside the publication's:
//
//	paper
//	scaled down: length 64 (paper 512), pairs 8 (paper 64)
//	changed: length 1024 (paper 512)
//
// A task is scaled down where sizes are smaller and none is larger.
func (i Info) Setting(examples int) string { return i.setting(&examples, nil) }

// TestSetting is Setting for a test set of a model trained in another one: the training's where that is not the paper's. Else a value of
// the kind's Scale that the publication tests is as good as the one it trains with.
func (i Info) TestSetting(training string) string {
	if training != Paper {
		return training
	}
	return i.setting(nil, i.kind.PaperScale)
}

func (i Info) setting(examples *int, scale []int) string {
	paper := i.kind.preset(Paper)
	for _, point := range i.kind.Grid {
		if matches(i.Parameters, point) {
			maps.Copy(paper, point)
		}
	}
	var differs []string
	smaller, larger := false, false
	for _, p := range i.kind.Params {
		got, want := i.Parameters[p.Key], paper[p.Key]
		if got == want || (p.Key == i.kind.Scale || p.Key == i.kind.Floor) && slices.Contains(scale, int(got)) {
			continue
		}
		differs = append(differs, fmt.Sprintf("%s %s (paper %s)", p.Key, p.Text(got), p.Text(want)))
		if p.Size {
			smaller, larger = smaller || got < want, larger || got > want
		} else {
			smaller, larger = true, true
		}
	}
	switch want := i.kind.Examples; {
	case examples == nil || want == unsaid || *examples == want:
	case *examples == 0:
		differs = append(differs, fmt.Sprintf("fresh training examples (paper %d fixed ones)", want))
	case want == 0:
		differs = append(differs, fmt.Sprintf("%d training examples (paper fresh ones)", *examples))
		smaller = true
	default:
		differs = append(differs, fmt.Sprintf("%d training examples (paper %d)", *examples, want))
		smaller, larger = smaller || *examples < want, larger || *examples > want
	}
	if len(differs) == 0 {
		return Paper
	}
	how := "changed: "
	if smaller && !larger {
		how = "scaled down: "
	}
	return how + strings.Join(differs, ", ")
}

// matches answers whether values agree with all of some others.
func matches(v, some Values) bool {
	for key, x := range some {
		if v[key] != x {
			return false
		}
	}
	return true
}
