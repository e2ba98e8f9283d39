//go:build linux || darwin

package data

import (
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestFullDisk(t *testing.T) {
	c := openDir(t, tree(t, map[string]string{"a.txt": strings.Repeat("some text\n", 300_000)}), only)
	var logged []string
	cache := Cache{Dir: t.TempDir(), Log: func(what string, err error) { logged = append(logged, what+": "+err.Error()) }}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Skip(err)
	}
	// A limit on file sizes fails in the middle of writing, as a full disk does. It is far above what the test binary itself writes.
	small := old
	small.Cur = 4 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old)
	s, err := OpenStream(ctx, c, Train, Bytes{}, cache)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() < 3_000_000 || !slices.Equal(tokens(t, s), separated(t, c, Train, Bytes{})) {
		t.Error("other tokens")
	}
	if len(logged) != 1 || !strings.Contains(logged[0], "encoded tokens are not cached") {
		t.Errorf("logged %q", logged)
	}
	if left, err := filepath.Glob(filepath.Join(cache.Dir, "tokens", "*")); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}
