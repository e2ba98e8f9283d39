//go:build unix

package train

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/archlab/archlab/core/record"
)

// childDir makes this binary a training process over the directory that it names, for tests that kill it.
const childDir = "ARCHLAB_TRAIN_TEST_DIR"

const killSteps = 40

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	run, err := record.Lock(dir)
	if err == nil {
		err = limitFiles(os.Getenv(childLimit))
	}
	if err == nil {
		_, err = Run(context.Background(), run, killJobs(), Options{Recipe: recipe(killSteps), Data: chain{1}, Resume: true})
	}
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

func killJobs() []Job {
	return []Job{job("a", 1, `{"width": 4, "sleep_ms": 1}`), job("b", 1, `{"width": 6, "sleep_ms": 1, "nan_once": 9}`)}
}

// A run that is killed again and again ends as one that never was: same curves, same weights, same optimizer.
func TestKilledRunResumesBitExact(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := Run(context.Background(), lock(t, whole), killJobs(), Options{Recipe: recipe(killSteps), Data: chain{1}}); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(3) {
		dir := filepath.Join(t.TempDir(), "broken")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(seed, 0))
		kills := 0
		for try := 0; ; try++ {
			if try == 60 {
				t.Fatal("not finished after 60 tries")
			}
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), childDir+"="+dir, "GORACE=atexit_sleep_ms=0")
			cmd.Stderr = os.Stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// Longer and longer, so that the run ends whatever the machine's speed.
			wait := time.Duration(rng.Float64() * 40 * math.Pow(1.12, float64(try)) * float64(time.Millisecond))
			timer := time.AfterFunc(wait, func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			timer.Stop()
			if err == nil {
				break
			}
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("child: %v", err)
			}
			kills++
		}
		t.Logf("killed %d times", kills)
		if kills == 0 {
			t.Error("the child was never killed: the test shows nothing")
		}
		same(t, whole, dir, "a", 1)
		same(t, whole, dir, "b", 1)
	}
}

// A stop at any step takes a checkpoint there, and the rest follows as if nothing had been.
func TestStoppedRunResumesBitExact(t *testing.T) {
	const n = 23
	jobs := []Job{job("a", 1, `{"width": 4}`)}
	whole := filepath.Join(t.TempDir(), "whole")
	if _, err := Run(context.Background(), lock(t, whole), jobs, Options{Recipe: recipe(n), Data: chain{1}}); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []struct {
		kind Kind
		step int
	}{{Step, 1}, {Step, 5}, {Validation, 5}, {Step, 7}, {Saved, 7}, {Step, 10}, {Step, n}, {Validation, n}} {
		dir := filepath.Join(t.TempDir(), "stopped")
		run := lock(t, dir)
		ctx, cancel := context.WithCancel(context.Background())
		sink := SinkFunc(func(e Event) {
			if e.Kind == stop.kind && e.Step == stop.step {
				cancel()
			}
		})
		out, err := Run(ctx, run, jobs, Options{Recipe: recipe(n), Data: chain{1}, Sink: sink})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if stop.step < n && (!out.Stopped || out.Results[0].Status != "stopped" || out.Results[0].Steps != stop.step) {
			t.Errorf("%v: outcome %+v", stop, out)
		}
		if out, err = Run(context.Background(), run, jobs, Options{Recipe: recipe(n), Data: chain{1}, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if out.Results[0].Status != "finished" {
			t.Errorf("%v: status %s after resuming", stop, out.Results[0].Status)
		}
		same(t, whole, dir, "a", 1)
	}
}
