package host

import (
	"fmt"
	"strings"
	"testing"
)

func TestRing(t *testing.T) {
	var r ring
	for i := range keptLines + 7 {
		r.add(fmt.Sprint(i))
	}
	got := r.last()
	if len(got) != keptLines || got[0] != "7" || got[len(got)-1] != fmt.Sprint(keptLines+6) {
		t.Errorf("%d lines from %s to %s", len(got), got[0], got[len(got)-1])
	}
}

func TestPanicText(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"none", []string{"a panic in words", "goroutine 1"}, ""},
		{"go", []string{"x", "panic: boom", "", "goroutine 1 [running]:", "main.f()", "", "goroutine 2 [select]:", "main.g()"}, "panic: boom\n\ngoroutine 1 [running]:\nmain.f()"},
		{"the last one", []string{"panic: one", "panic: two"}, "panic: two"},
		{"python", []string{"Traceback (most recent call last):", "  File x", "ValueError: no"}, "Traceback (most recent call last):\n  File x\nValueError: no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r ring
			for _, l := range c.lines {
				r.add(l)
			}
			if got := r.panicText(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	var r ring
	r.add("panic: deep")
	for i := range 3 * keptLines {
		r.add(fmt.Sprint(i))
	}
	if got := r.panicText(); !strings.HasPrefix(got, "panic: deep") || strings.Count(got, "\n") != maxPanic-1 {
		t.Errorf("a panic above many lines: %d lines", strings.Count(got, "\n")+1)
	}
}

func TestReadLines(t *testing.T) {
	long := strings.Repeat("y", 3*maxLine+5)
	var got []string
	readLines(strings.NewReader("a\n\r\n"+long+"\nb\xff\r\nno newline"), func(l string) { got = append(got, l) })
	want := []string{"a", "", long[:maxLine], "b\uFFFD", "no newline"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%d lines: %.200q", len(got), got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "ab", 2}, {"mamba", "mamba", 0}, {"mabma", "mamba", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
