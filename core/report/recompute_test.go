package report

import (
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// What computing again saved and cost is said of the models that did, and of no other.
func TestRecomputationIsAccountedFor(t *testing.T) {
	traded := &family.Recomputation{ArenaBytes: 20 << 20, KeptArenaBytes: 80 << 20, Seconds: 3, PassSeconds: 12, FLOPs: 2e9, PassFLOPs: 12e9}
	notes := recomputed(&Report{Rows: []Row{{Name: "a"}, {Name: "b", Recomputation: traded}, {Name: "c", Recomputation: &family.Recomputation{ArenaBytes: 1, KeptArenaBytes: 2}}}})
	if len(notes) != 1 {
		t.Fatalf("%d notes, want one: a kept all, c took no step: %v", len(notes), notes)
	}
	for _, want := range []string{"b computed", "20.0 MiB instead of 80.0 MiB (25.0 %)", "25.0 % of its time", "1.20x the operations"} {
		if !strings.Contains(notes[0], want) {
			t.Errorf("got %q, want %q in it", notes[0], want)
		}
	}
}
