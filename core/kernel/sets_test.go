package kernel

import "testing"

func TestSets(t *testing.T) {
	sets, found := Sets(), 0
	if sets[0].Name != "generic" || len(sets[0].Missing) > 0 {
		t.Errorf("first %+v, want plain Go, which lacks nothing", sets[0])
	}
	for i, s := range sets {
		if s.Active {
			found++
			if s.Name != Features()[0] {
				t.Errorf("%s is marked, Features names %s", s.Name, Features()[0])
			}
		}
		if (len(s.Missing) == 0) != runs(&isas[i]) {
			t.Errorf("%s lacks %v, yet runs is %v", s.Name, s.Missing, runs(&isas[i]))
		}
	}
	if found != 1 {
		t.Errorf("%d sets are marked as active, want 1", found)
	}
}
