package spell

import "testing"

func TestNearest(t *testing.T) {
	names := []string{"text", "document", "url", "dump"}
	for s, want := range map[string]string{"txt": "text", "Text": "text", "documnet": "document", "lru": "", "body": "", "": "", "x": ""} {
		got, ok := Nearest(s, names)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: got %q, %v, want %q", s, got, ok, want)
		}
	}
	if _, ok := Nearest("text", nil); ok {
		t.Error("a name out of none")
	}
}
