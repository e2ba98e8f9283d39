package kernel

import (
	"slices"
	"testing"
)

func TestFeatures(t *testing.T) {
	f := Features()
	if f[0] != active.name {
		t.Fatalf("Features() = %v, want the active set first", f)
	}
	t.Log(f)
}

func TestChoose(t *testing.T) {
	best := choose("")
	for i := range isas {
		s := &isas[i]
		got := choose(s.name)
		if runs(s) && got != s {
			t.Errorf("limit %s chooses %s", s.name, got.name)
		}
		if !runs(s) && got != best {
			t.Errorf("limit %s, which does not run here, chooses %s, want %s", s.name, got.name, best.name)
		}
	}
	if choose("no such set") != best {
		t.Error("an unknown limit changes the choice")
	}
	if isas[0].name != "generic" || !runs(&isas[0]) || slices.ContainsFunc(isas, func(s isa) bool { return s.tile == nil || s.scanSteps == nil || s.ssdSteps == nil || s.dot == nil }) {
		t.Error("the plain set is not first, or a table has holes")
	}
}
