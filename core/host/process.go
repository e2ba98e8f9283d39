package host

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

const (
	// termGrace is the time between a polite and a forced end of a process.
	termGrace = time.Second
	// drainGrace bounds the wait for the last lines of a process that is gone: a grandchild that left the process group may
	// hold the pipe open for ever.
	drainGrace = 500 * time.Millisecond
	// reapGrace bounds the wait for a killed process to be gone; one in uninterruptible sleep is not waited for.
	reapGrace = 5 * time.Second
)

// process is one plugin's process as go-plugin's runner sees it. It differs from go-plugin's own runner: the process leads a
// group that is killed as a whole, its stdin is the lifeline that ends with this process, its output is drained whatever
// the length of its lines, and its first line is judged before go-plugin sees it.
type process struct {
	cmd  *exec.Cmd
	dir  string // of the unix socket; removed at the end
	logs *ring

	wantTLS      bool
	startTimeout time.Duration
	abort        <-chan struct{} // ends the process when it is closed

	lifeline       *os.File // write end of the process's stdin
	stdout, stderr *os.File // read ends
	first          *io.PipeReader

	done chan struct{} // closed when the process is reaped and its output is drained

	mu      sync.Mutex
	problem *Error // why the handshake was refused
	peak    int64  // largest resident set seen, in bytes
}

func newProcess(path string, args, env []string, dir string, logs *ring) *process {
	cmd := exec.Command(path, args...)
	cmd.Env = env
	setGroup(cmd)
	return &process{cmd: cmd, dir: dir, logs: logs, done: make(chan struct{})}
}

// Start implements runner.Runner.
func (p *process) Start(context.Context) (err error) {
	var ends []*os.File // the child's
	defer func() {
		for _, f := range ends {
			_ = f.Close()
		}
		if err != nil {
			closeAll(p.lifeline, p.stdout, p.stderr)
		}
	}()
	in, lifeline, err := os.Pipe()
	if err != nil {
		return err
	}
	p.lifeline, ends = lifeline, append(ends, in)
	stdout, out, err := os.Pipe()
	if err != nil {
		return err
	}
	p.stdout, ends = stdout, append(ends, out)
	stderr, errs, err := os.Pipe()
	if err != nil {
		return err
	}
	p.stderr, ends = stderr, append(ends, errs)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = in, out, errs

	onSpawner(func() { err = p.cmd.Start() })
	if err != nil {
		return err
	}
	first, toClient := io.Pipe()
	p.first = first
	go p.watch(toClient)
	return nil
}

// watch drains the process's output, hands the handshake on, and reaps the process.
func (p *process) watch(toClient *io.PipeWriter) {
	lines := make(chan string)
	shaken := make(chan struct{})
	var drained sync.WaitGroup
	drained.Go(func() { readLines(p.stderr, p.logs.add) })
	drained.Go(func() {
		defer close(lines)
		readLines(p.stdout, func(line string) {
			select {
			case lines <- line:
			case <-shaken:
				p.logs.add(line)
			}
		})
	})
	go func() {
		defer p.reap(&drained)
		waitExit(p.cmd)
	}()
	go func() {
		select {
		case <-p.abort:
			_ = p.Kill(context.Background()) // whoever aborted sees whether it worked
		case <-p.done:
		}
	}()

	line, problem := shake(lines, p.wantTLS, p.startTimeout)
	close(shaken)
	if problem != nil {
		p.mu.Lock()
		p.problem = problem
		p.mu.Unlock()
		if problem.Kind == ExitedEarly || problem.Kind == NotAPlugin {
			p.exited(termGrace) // its own exit status tells more than our signal
		}
		_ = toClient.Close()
		return
	}
	_, _ = io.WriteString(toClient, line+"\n") // a client that no longer reads has its own error
	_ = toClient.Close()
}

// reap ends what the process left behind and collects its status.
func (p *process) reap(drained *sync.WaitGroup) {
	killGroup(p.cmd) // its children; the process itself is dead but not reaped, so that the group can't be another's
	quiet := make(chan struct{})
	go func() { drained.Wait(); close(quiet) }()
	select {
	case <-quiet:
	case <-time.After(drainGrace):
	}
	closeAll(p.lifeline, p.stdout, p.stderr)
	_ = p.cmd.Wait() // the status is in ProcessState
	if p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
	close(p.done)
}

// exited waits for the end of the process for at most d.
func (p *process) exited(d time.Duration) bool {
	select {
	case <-p.done:
		return true
	case <-time.After(d):
		return false
	}
}

// alive says that the process has not been reaped.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Kill implements runner.AttachedRunner: the group gets a chance to end, then none.
func (p *process) Kill(context.Context) error {
	if p.cmd.Process == nil || !p.alive() {
		return nil
	}
	p.sampleRSS()
	termGroup(p.cmd)
	if p.exited(termGrace) {
		return nil
	}
	killGroup(p.cmd)
	if !p.exited(reapGrace) {
		return errors.New("process " + p.ID() + " does not die")
	}
	return nil
}

// Wait implements runner.AttachedRunner.
func (p *process) Wait(context.Context) error {
	<-p.done
	return nil
}

// Stdout implements runner.Runner: only the handshake.
func (p *process) Stdout() io.ReadCloser { return p.first }

// Stderr implements runner.Runner: nothing, watch reads it.
func (p *process) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name implements runner.Runner.
func (p *process) Name() string { return p.cmd.Path }

// ID implements runner.AttachedRunner.
func (p *process) ID() string {
	if p.cmd.Process == nil {
		return ""
	}
	return strconv.Itoa(p.cmd.Process.Pid)
}

// Diagnose implements runner.Runner; the Error of Launch says more.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost implements runner.AddrTranslator: both ends share one file system.
func (p *process) PluginToHost(network, addr string) (string, string, error) {
	return network, addr, nil
}

// HostToPlugin implements runner.AddrTranslator.
func (p *process) HostToPlugin(network, addr string) (string, string, error) {
	return network, addr, nil
}

var _ runner.Runner = (*process)(nil)

// sampleRSS notes the peak resident set while the process still has one.
func (p *process) sampleRSS() int64 {
	var now int64
	if p.alive() {
		now = peakRSS(p.cmd.Process.Pid)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peak = max(p.peak, now)
	return p.peak
}

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// spawner runs functions on one thread that lives as long as this process. Linux sends the parent-death signal when the
// thread that forked ends, not when the process does, and Go ends threads at will.
var spawner struct {
	once sync.Once
	jobs chan func()
}

// onSpawner runs f on the spawner's thread and waits for it.
func onSpawner(f func()) {
	spawner.once.Do(func() {
		spawner.jobs = make(chan func())
		go spawn(spawner.jobs)
	})
	done := make(chan struct{})
	spawner.jobs <- func() { defer close(done); f() }
	<-done
}
