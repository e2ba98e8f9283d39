package record

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// What the process may not read, or has no descriptor left for, is no damage either. Linux alone, for a root user's
// tests: there a single thread can give up root's rights to files.
func TestRefusedReadsAreNotDamage(t *testing.T) {
	dir := t.TempDir()
	for step := 1; step <= 2; step++ {
		if err := WriteCheckpoint(dir, State{Step: step}, save("w", "o")); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, want syscall.Errno, got *Checkpoint, skipped []error, err error) {
		t.Helper()
		if got != nil || skipped != nil || !errors.Is(err, want) || isDamage(err) {
			t.Errorf("%s: got %+v, %v, %v, want %v", what, got, skipped, err, want)
		}
	}
	for _, name := range []string{"state.json", "weights.safetensors", "optimizer.safetensors"} {
		path := filepath.Join(checkpointDir(dir, 2), name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		got, skipped, err := asNobody(t, dir)
		expect(name, syscall.EACCES, got, skipped, err)
		if err != nil && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want its name", name, err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := limit
	none.Cur = 0
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	_, oneErr := OpenCheckpoint(checkpointDir(dir, 2))
	got, skipped, err := NewestCheckpoint(dir)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	expect("no descriptor", syscall.EMFILE, got, skipped, err)
	expect("no descriptor for one", syscall.EMFILE, nil, nil, oneErr)
	if c, _, err := NewestCheckpoint(dir); err != nil || c.State.Step != 2 {
		t.Errorf("afterwards: got %+v, %v", c, err)
	}
}

// asNobody opens the newest checkpoint on a thread without root's rights to files.
func asNobody(t *testing.T, dir string) (*Checkpoint, []error, error) {
	if os.Geteuid() != 0 {
		return NewestCheckpoint(dir)
	}
	const nobody = 65534
	for at := dir; len(at) > len(os.TempDir()); at = filepath.Dir(at) { // test directories are for their owner alone
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	defer syscall.Setfsuid(0)
	return NewestCheckpoint(dir)
}
