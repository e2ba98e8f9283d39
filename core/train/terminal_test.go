package train

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var escape = regexp.MustCompile("\x1b\\[[0-9]*[A-Za-z]|\r")

// No line is wider than the terminal, whatever its width, and each picture begins where the one before began.
func TestTerminal(t *testing.T) {
	for _, size := range [][2]int{{20, 24}, {32, 24}, {60, 24}, {80, 3}, {200, 24}} {
		var out strings.Builder
		now := time.Unix(0, 0)
		opts := Options{Recipe: recipe(20), Data: chain{1}, Sink: Terminal(&out, func() (int, int) { return size[0], size[1] }),
			Now: func() time.Time { now = now.Add(60 * time.Millisecond); return now }}
		jobs := []Job{job("transformer", 1, `{}`), job("mamba", 2, `{"nan_once": 3}`), job("moe", 1, `{}`), job("mtp", 1, `{"die_at": 4}`)}
		if _, err := Run(context.Background(), lock(t, t.TempDir()), jobs, opts); err != nil {
			t.Fatal(err)
		}
		rows := min(4, size[1]-1)
		for _, line := range strings.Split(out.String(), "\n") {
			plain := escape.ReplaceAllString(line, "")
			if strings.Contains(plain, "warning") || strings.Contains(plain, "failed") && strings.Contains(plain, "seed") {
				continue // a message above the picture may wrap
			}
			if n := utf8.RuneCountInString(plain); n >= size[0] {
				t.Errorf("%v: a line of %d columns: %q", size, n, plain)
			}
		}
		for _, up := range regexp.MustCompile("\x1b\\[([0-9]+)A").FindAllStringSubmatch(out.String(), -1) {
			if up[1] != string(rune('0'+rows)) {
				t.Fatalf("%v: moved up %s lines, the picture has %d", size, up[1], rows)
			}
		}
		if size[0] == 200 {
			last := escape.ReplaceAllString(out.String()[strings.LastIndex(out.String(), "A\r"):], "")
			for _, want := range []string{"transformer #1", "mamba #2", "finished", "failed", "loss", "bits/byte", "100%"} {
				if !strings.Contains(last, want) {
					t.Errorf("the last picture lacks %q:\n%s", want, last)
				}
			}
			if !strings.Contains(out.String(), "tok/s") || !strings.Contains(out.String(), " left") || !strings.Contains(out.String(), "waiting") {
				t.Errorf("no speed, time left or waiting model in %q", out.String())
			}
		}
	}
}

// Every event is one JSON line that reads back.
func TestJSONEvents(t *testing.T) {
	var out strings.Builder
	jobs := []Job{job("a", 1, `{"nan_from": 3}`)}
	if _, err := Run(context.Background(), lock(t, t.TempDir()), jobs, Options{Recipe: recipe(9), Data: chain{1}, Sink: JSON(&out)}); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var e Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, string(e.Kind))
	}
	want := "run_begin begin step step skip skip skip end run_end"
	if got := strings.Join(kinds, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPlain(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	opts := Options{Recipe: recipe(10), Data: chain{1}, Sink: Plain(&out, time.Minute), Now: func() time.Time { now = now.Add(time.Second); return now }}
	if _, err := Run(context.Background(), lock(t, t.TempDir()), []Job{job("a", 3, `{}`)}, opts); err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`[0-9]+\.[0-9]+`).ReplaceAllString(out.String(), "X")
	want := "a seed 3: training\na seed 3: step 5/10, validation loss X, X bits/byte\na seed 3: step 10/10, validation loss X, X bits/byte\na seed 3: finished after 10 steps in 0:00\n"
	if text != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
}
