package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLock(t *testing.T) {
	isolate(t)
	dir, path := external(t, "locked", "serve")
	file := filepath.Join(t.TempDir(), "plugins.lock")
	h := New(Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=serve"}, Dirs: []string{dir}, LockFile: file, StartTimeout: 20 * time.Second})
	defer h.Close()
	want := func(kind Kind, hint string) {
		t.Helper()
		for range 2 { // a check does not use itself up
			_, err := h.Launch(context.Background(), "locked")
			var e *Error
			if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(Hint(err), hint) {
				t.Errorf("%v (%s), want %s", err, Hint(err), kind)
			}
		}
	}
	want(NotPinned, "archlab plugin lock "+path)
	lock, err := ReadLock(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Pin("locked", path); err != nil {
		t.Fatal(err)
	}
	if err := lock.Write(file); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p, err := h.Launch(context.Background(), "locked")
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	if p, err := h.Launch(context.Background(), "fake"); err != nil {
		t.Errorf("a built-in needs a pin: %v", err)
	} else if err := p.Close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	script(t, path, string(text)+"# changed\n", 0o755)
	want(LockMismatch, "pin it again")
	if err := os.WriteFile(file, []byte("nonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want(BadLock, "repair")
}

func TestLockFile(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for _, c := range []struct{ name, text, err string }{
		{"empty", "", ""},
		{"comments", "# one\n\n  # two\n", ""},
		{"two platforms", "a linux/amd64 sha256:" + sum + "\na darwin/arm64 sha256:" + sum + "\n", ""},
		{"upper case", "a linux/amd64 sha256:" + strings.ToUpper(sum) + "\n", ""},
		{"twice", "a linux/amd64 sha256:" + sum + "\n#\na linux/amd64 sha256:" + sum + "\n", "line 3: a for linux/amd64"},
		{"short sum", "a linux/amd64 sha256:0a0a\n", "line 1"},
		{"other hash", "a linux/amd64 md5:" + sum + "\n", "line 1"},
		{"two words", "a sha256:" + sum + "\n", "line 1"},
		{"no platform", "a linux sha256:" + sum + "\n", "line 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &Lock{sums: map[pin]string{}}
			err := l.parse(strings.NewReader(c.text))
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("got %v, want %q", err, c.err)
			}
			if err != nil {
				return
			}
			again := &Lock{sums: map[pin]string{}}
			if err := again.parse(strings.NewReader(l.String())); err != nil || again.String() != l.String() {
				t.Errorf("%v\n%s\n%s", err, again, l)
			}
		})
	}
}

func FuzzLock(f *testing.F) {
	f.Add("a linux/amd64 sha256:" + strings.Repeat("0a", 32) + "\n# x\n")
	f.Add("a b c\n")
	f.Fuzz(func(t *testing.T, text string) {
		l := &Lock{sums: map[pin]string{}}
		if l.parse(strings.NewReader(text)) != nil {
			return
		}
		again := &Lock{sums: map[pin]string{}}
		if err := again.parse(strings.NewReader(l.String())); err != nil || again.String() != l.String() {
			t.Errorf("%v\n%q\n%q", err, again.String(), l.String())
		}
	})
}

func TestPin(t *testing.T) {
	l := &Lock{sums: map[pin]string{}}
	path := script(t, filepath.Join(t.TempDir(), "x"), "abc", 0o644)
	if err := l.Pin("x", path); err != nil {
		t.Fatal(err)
	}
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" // FIPS 180-2, appendix B.1
	if got, ok := l.Sum("x"); !ok || got != abc {
		t.Errorf("sum %s", got)
	}
	for _, name := range []string{"", "a b", "#x", "a\nb"} {
		if err := l.Pin(name, path); err == nil {
			t.Errorf("pinned the name %q", name)
		}
	}
	if err := l.Pin("y", path+"-missing"); err == nil {
		t.Error("pinned a missing file")
	}
	if !l.Unpin("x") || l.Unpin("x") {
		t.Error("unpin")
	}
}
