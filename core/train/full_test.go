//go:build unix

package train

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/archlab/archlab/core/record"
)

// childLimit bounds the size of the files that a child may write, which looks to it like a disk that is full.
const childLimit = "ARCHLAB_TRAIN_TEST_FILE_BYTES"

func limitFiles(bytes string) error {
	if bytes == "" {
		return nil
	}
	n, err := strconv.ParseUint(bytes, 10, 64)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: n})
}

// A disk that takes no more ends the run with an error that says so, loses nothing that was there, and a later resume
// is exact. The smallest limit bites in the first checkpoint, the others in the curves.
func TestFullDisk(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := Run(context.Background(), lock(t, whole), killJobs(), Options{Recipe: recipe(killSteps), Data: chain{1}}); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"300", "1500", "4000", "9000"} {
		dir := filepath.Join(t.TempDir(), limit)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), childDir+"="+dir, childLimit+"="+limit)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Run(); err == nil || !strings.Contains(stderr.String(), "file too large") {
			t.Fatalf("limit %s: got %v: %s", limit, err, stderr.String())
		}
		if c, skipped, err := record.NewestCheckpoint(record.ModelDir(dir, "a", 1)); len(skipped) > 0 {
			t.Errorf("limit %s: damaged checkpoints: %v (%v, %v)", limit, skipped, c, err)
		}
		run := lock(t, dir)
		if _, err := Run(context.Background(), run, killJobs(), Options{Recipe: recipe(killSteps), Data: chain{1}, Resume: true}); err != nil {
			t.Fatal(err)
		}
		same(t, whole, dir, "a", 1)
		same(t, whole, dir, "b", 1)
	}
}

// IsFull knows a device that is really full.
func TestIsFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full")
	}
	defer f.Close()
	if _, err := f.Write([]byte("x")); !record.IsFull(err) {
		t.Errorf("IsFull(%v) = false", err)
	}
}
