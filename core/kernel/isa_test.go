package kernel

import "testing"

func TestFeatures(t *testing.T) {
	f := Features()
	if f[0] != active.name {
		t.Fatalf("Features() = %v, want the active set first", f)
	}
	t.Log(f)
}
