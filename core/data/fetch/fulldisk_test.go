//go:build linux || darwin

package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/archlab/archlab/core/data"
)

// What came before the disk was full is kept, and gone on with when there is room.
func TestFullDisk(t *testing.T) {
	body := []byte(strings.Repeat("0123456789abcdef", 512<<10)) // 8 MiB
	s := newServer(t, body)
	f, _ := fetcher(t)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Skip(err)
	}
	// A limit on file sizes fails in the middle of writing, as a full disk does.
	small := old
	small.Cur = 4 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Skip(err)
	}
	err := f.Fetch(ctx, corpus(s, body))
	if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); e != nil {
		t.Fatal(e)
	}
	var e *data.Error
	if !errors.As(err, &e) || e.Message != "no room on the disk" || !strings.Contains(e.Hint(), "gone on with") {
		t.Fatalf("got %v", err)
	}
	part, err := os.Stat(filepath.Join(f.Library.Dir, "small", "file.txt.part"))
	if err != nil || part.Size() < 1<<20 {
		t.Fatalf("the part is gone: %v", err)
	}
	mustFetch(t, f, corpus(s, body), body)
	if got := s.requests[1].Get("Range"); got == "" {
		t.Error("it was begun again")
	}
}
