//go:build unix

package host

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
)

func train(m family.Model) error {
	_, err := m.Train(context.Background(), family.TrainRequest{MicroBatches: []family.Batch{batch(1, 1)}})
	return err
}

// TestDeath lets a process end in the middle of a call, in every way.
func TestDeath(t *testing.T) {
	for _, c := range []struct {
		act    string
		kill   bool
		exit   int
		signal string
		panic  []string
		text   []string
	}{
		{act: "die", exit: 2, panic: []string{"panic: the wheels came off", "goroutine ", "fakeModel"}, text: []string{"died in train: exit status 2: panic: the wheels came off", "bug of the plugin"}},
		{act: "exit", exit: 7, text: []string{"exit status 7", "| about to leave"}},
		{act: "hang", kill: true, exit: -1, signal: "killed", text: []string{"signal: killed", "memory"}},
	} {
		t.Run(c.act, func(t *testing.T) {
			t.Parallel()
			p, m := serve(t, c.act, 0)
			if c.kill {
				time.AfterFunc(200*time.Millisecond, func() { _ = syscall.Kill(p.PID(), syscall.SIGKILL) })
			}
			err := train(m)
			var d *DeathError
			if !errors.As(err, &d) {
				t.Fatalf("%T: %v", err, err)
			}
			if d.Call != "train" || d.PID != p.PID() || d.Exit != c.exit || d.Signal != c.signal {
				t.Errorf("%+v", d)
			}
			for _, want := range c.panic {
				if !strings.Contains(d.Panic, want) {
					t.Errorf("no %q in the panic\n%s", want, d.Panic)
				}
			}
			if c.panic == nil && d.Panic != "" {
				t.Errorf("a panic without one: %s", d.Panic)
			}
			text := err.Error() + "\n" + Hint(err)
			for _, want := range c.text {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if family.CodeOf(err) != family.Unavailable {
				t.Errorf("code %q", family.CodeOf(err))
			}
			select {
			case <-p.Done():
			default:
				t.Error("a dead plugin is not done")
			}
			if !errors.As(p.Err(), &d) {
				t.Errorf("Err answers %v", p.Err())
			}
			if err := train(m); !errors.As(err, &d) || d.Call != "train" {
				t.Errorf("a later call answers %v", err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if err := p.Err(); err == nil {
				t.Error("closing a dead plugin hides its death")
			}
		})
	}
}

// TestPanicInCall: the process survives and the error says where.
func TestPanicInCall(t *testing.T) {
	p, m := serve(t, "panic", 0)
	err := train(m)
	if family.CodeOf(err) != family.Internal {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"panic in train", "index out of range [1] with length 0", "fake_test.go"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if _, err := m.Score(context.Background(), batch(1, 1)); err != nil {
		t.Errorf("after a panic: %v", err)
	}
	eventually(t, "the stack is logged", func() bool { return strings.Contains(strings.Join(p.Logs(), "\n"), "fakeModel).Train") })
}

func TestHung(t *testing.T) {
	const limit = 300 * time.Millisecond
	p, m := serve(t, "hang", 0)
	p.host.opts.CallTimeout = limit // only now: the build above may take its time
	err := train(m)
	var e *HungError
	if !errors.As(err, &e) {
		t.Fatalf("%T: %v", err, err)
	}
	if e.Call != "train" || e.After != limit || !strings.Contains(err.Error(), "no answer to train within 300ms") || family.CodeOf(err) != family.Unavailable {
		t.Errorf("%v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closing a hung plugin: %v", err)
	}
	if p.proc.alive() {
		t.Error("the hung plugin is alive after Close")
	}
	if err := train(m); family.CodeOf(err) != family.Unavailable || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a call after Close: %v", err)
	}
}

// TestStopped: a process that the system has stopped answers nothing at all, and still can be closed.
func TestStopped(t *testing.T) {
	p, m := serve(t, "", 0)
	p.host.opts.CallTimeout = 300 * time.Millisecond
	if err := syscall.Kill(p.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" { // the signal takes its time
		eventually(t, "the process is stopped", func() bool { return state(p.PID()) == "T" })
	}
	var e *HungError
	if err := train(m); !errors.As(err, &e) {
		t.Errorf("%v", err)
	}
	if err := p.Close(); err != nil || p.proc.alive() {
		t.Errorf("Close: %v", err)
	}
}

func TestCancel(t *testing.T) {
	_, m := serve(t, "hang", 0)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{batch(1, 1)}})
	if !errors.Is(err, context.Canceled) || family.CodeOf(err) != family.Canceled {
		t.Errorf("%v", err)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err = m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{batch(1, 1)}})
	if !errors.Is(err, context.DeadlineExceeded) || family.CodeOf(err) != family.Canceled {
		t.Errorf("%v", err)
	}
	if _, err := m.Score(context.Background(), batch(1, 1)); err != nil {
		t.Errorf("after a cancelled call: %v", err)
	}
}

// TestChatter: lines far longer than any scanner's buffer on stdout, stderr and the raw descriptor do not hang the plugin.
func TestChatter(t *testing.T) {
	p, m := serve(t, "chatter", 0)
	if err := train(m); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last line is kept", func() bool {
		logs := p.Logs()
		return len(logs) > 0 && logs[len(logs)-1] == "done chattering"
	})
	for _, l := range p.Logs() {
		if len(l) > maxLine {
			t.Errorf("a line of %d bytes is kept", len(l))
		}
	}
}

func TestGrandchild(t *testing.T) {
	p, m := serve(t, "child", 0)
	res, err := m.Train(context.Background(), family.TrainRequest{MicroBatches: []family.Batch{batch(1, 1)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the grandchild is gone", func() bool { return !running(int(res.Loss)) })
}

// TestHostKilled: the plugin of a host that is killed goes with it.
func TestHostKilled(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp("", "h") // t.TempDir is too long for sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), actEnv+"=host", "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the host says %q", line)
	}
	if !running(pid) {
		t.Fatalf("the plugin %d does not run", pid)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	eventually(t, "the plugin is gone", func() bool { return !running(pid) })
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestLifeline: the end of stdin alone ends a plugin, for systems without a parent-death signal.
func TestLifeline(t *testing.T) {
	p, _ := serve(t, "", 0)
	if err := p.proc.lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the plugin outlives its lifeline")
	}
}

func TestConcurrent(t *testing.T) {
	p, m := serve(t, "", 0)
	other := build(t, p, "work", 0)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				b := batch(1+i, 1+j)
				res, err := m.Score(context.Background(), b)
				if err != nil {
					t.Error(err)
					return
				}
				if got, want := res.LogProbs[len(res.LogProbs)-1], -float32(b.B*b.T-1); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
		wg.Go(func() {
			if err := train(other); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { p.Logs(); p.Stats(); p.PeakRSS() })
	}
	wg.Wait()
	s := p.Stats()
	if s.Calls["score"].Calls != 80 || s.Calls["train"].Calls != 8 || s.Total.Calls != 90 || s.Total.Errors != 0 {
		t.Errorf("%+v", s)
	}
}

// TestManyPlugins launches several processes at once.
func TestManyPlugins(t *testing.T) {
	h := New(Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=serve"}})
	pids := make([]int, 4)
	var wg sync.WaitGroup
	for i := range pids {
		wg.Go(func() {
			p, err := h.Launch(context.Background(), "fake")
			if err != nil {
				t.Error(err)
				return
			}
			pids[i] = p.PID()
		})
	}
	wg.Wait()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	for _, pid := range pids {
		if running(pid) {
			t.Errorf("%d runs after Close", pid)
		}
	}
}

// TestNothingLeft: plugins that come and go leave no goroutine and no file behind.
func TestNothingLeft(t *testing.T) {
	cycle := func() {
		p, m := serve(t, "", 0)
		if err := train(m); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := launch(t, "silent exit"); err == nil {
			t.Fatal("no error")
		}
	}
	files := func() int {
		list, err := os.ReadDir("/dev/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	cycle() // starts what stays
	goroutines, open := runtime.NumGoroutine(), files()
	for range 5 {
		cycle()
	}
	eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "the files are closed", func() bool { return files() <= open })
	if t.Failed() {
		buf := make([]byte, 1<<20)
		t.Logf("%s", buf[:runtime.Stack(buf, true)])
	}
}

func TestStatsAndMemory(t *testing.T) {
	const size = 64 << 20
	p, m := serve(t, "work", 0)
	if err := train(m); err != nil {
		t.Fatal(err)
	}
	c := p.Stats().Calls["train"]
	if c.Calls != 1 || c.Sent == 0 || c.Received == 0 {
		t.Errorf("%+v", c)
	}
	if c.Busy < 0.020 || c.Seconds < c.Busy || c.Overhead <= 0 || c.Overhead > c.Seconds {
		t.Errorf("seconds do not add up: %+v", c)
	}
	if _, err := m.Score(context.Background(), family.Batch{B: 1, T: 1, Tokens: []int32{-1}, Targets: []int32{0}, Weights: []float32{1}}); err == nil {
		t.Error("a bad token is accepted")
	}
	if c := p.Stats().Calls["score"]; c.Errors != 1 {
		t.Errorf("%+v", c)
	}
	before := p.PeakRSS()
	if runtime.GOOS == "linux" && before == 0 {
		t.Error("no peak memory of a live process")
	}
	grown := build(t, p, "grow", size)
	if err := train(grown); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if after := p.PeakRSS(); after < before+size {
		t.Errorf("peak memory %d before and %d after %d more bytes", before, after, size)
	}
}

// TestBig sends and receives far more than one message, over TLS.
func TestBig(t *testing.T) {
	isolate(t)
	dir, _ := external(t, "big", "serve")
	h := New(Options{Dirs: []string{dir}})
	defer h.Close()
	p, err := h.Launch(context.Background(), "big")
	if err != nil {
		t.Fatal(err)
	}
	m := build(t, p, "", 3<<20)
	b := batch(1024, 1024) // 12 MiB out, 5 MiB back
	res, err := m.Score(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.Tokens {
		if res.LogProbs[i] != -float32(i) || !res.Correct[i] {
			t.Fatalf("entry %d: %v %v", i, res.LogProbs[i], res.Correct[i])
		}
	}
	var file strings.Builder // 21 MiB
	if err := m.Save(context.Background(), family.Weights, &file); err != nil {
		t.Fatal(err)
	}
	if err := m.Load(context.Background(), family.Weights, strings.NewReader(file.String())); err != nil {
		t.Error(err)
	}
	err = m.Load(context.Background(), family.Weights, strings.NewReader(file.String()[1:]))
	if family.CodeOf(err) != family.Corrupt {
		t.Errorf("a short file: %v", err)
	}
}

// running says that a process exists and is not a zombie.
func running(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	return runtime.GOOS != "linux" || state(pid) != "Z"
}

// state is the one letter that Linux has for what a process does: "S" sleeps, "T" is stopped, "Z" a zombie.
func state(pid int) string {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	letter, _, _ := strings.Cut(rest, " ")
	return letter
}

// eventually waits for something that another process does.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("not within ten seconds: %s", what)
}
