package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/wire"
)

// shutdownGrace bounds the polite end of a plugin; go-plugin itself would wait for ever for one that is stopped.
const shutdownGrace = 3 * time.Second

// deathGrace is how long after its connection broke a process may take to be found dead.
const deathGrace = 2 * time.Second

// Causes of a call's end that are the host's own.
var (
	errGone = errors.New("the plugin's process ended")
	errHung = errors.New("the call's deadline passed")
)

// Plugin is one running plugin process.
type Plugin struct {
	host   *Host
	found  Found
	client *plugin.Client
	proc   *process
	fam    family.Family
	meter  *meter

	abort chan struct{}   // closed when the launch is given up
	gone  context.Context // ends with the process

	mu      sync.Mutex
	closing bool
	once    sync.Once
	killErr error
}

// Name is the plugin's name.
func (p *Plugin) Name() string { return p.found.Name }

// Path is the binary that runs.
func (p *Plugin) Path() string { return p.found.Path }

// Builtin says that the binary is archlab's own.
func (p *Plugin) Builtin() bool { return p.found.Builtin }

// Family is what the process serves.
func (p *Plugin) Family() family.Family { return p.fam }

// PID is the process's id.
func (p *Plugin) PID() int { return p.proc.cmd.Process.Pid }

// Logs answers the last lines that the process wrote, oldest first.
func (p *Plugin) Logs() []string { return p.proc.logs.last() }

// Stats answers what the calls have cost so far, bytes and seconds from the host's side.
func (p *Plugin) Stats() Stats { return p.meter.snapshot() }

// PeakRSS answers the process's peak resident memory in bytes, 0 if the system does not tell. After Close it is the figure
// from just before the end; of a process that died it is the last one read, or else the kernel's upper bound.
func (p *Plugin) PeakRSS() int64 {
	if n := p.proc.sampleRSS(); n > 0 {
		return n
	}
	if p.proc.alive() {
		return 0
	}
	return maxRSS(p.proc.cmd)
}

// Done is closed when the process has ended and its last lines have been read.
func (p *Plugin) Done() <-chan struct{} { return p.proc.done }

// Err answers a *DeathError once the process has ended without having been closed, else nil.
func (p *Plugin) Err() error {
	if p.proc.alive() || p.isClosing() {
		return nil
	}
	return p.death("")
}

// Close ends the process: politely, then with a signal to its group, then by force. It waits for the end.
func (p *Plugin) Close() error {
	p.once.Do(func() {
		p.mu.Lock()
		p.closing = p.proc.alive() // a death that came first stays a death
		p.mu.Unlock()
		p.proc.sampleRSS()
		force := time.AfterFunc(shutdownGrace, func() { _ = p.proc.Kill(context.Background()) })
		p.client.Kill()
		force.Stop()
		p.killErr = p.proc.Kill(context.Background())
		p.host.forget(p)
	})
	return p.killErr
}

func (p *Plugin) isClosing() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closing
}

// death describes the end of the process, which has been reaped.
func (p *Plugin) death(call string) *DeathError {
	exit, signal := ending(p.proc.cmd)
	return &DeathError{
		Plugin: p.found.Name, Path: p.found.Path, PID: p.PID(), Call: call,
		Exit: exit, Signal: signal, Panic: p.proc.logs.panicText(), Log: p.proc.logs.last(),
	}
}

// ended is the error of a call to a process that has been reaped.
func (p *Plugin) ended(call string) error {
	if p.isClosing() {
		return family.Errorf(family.Unavailable, "", "plugin %q: %s: the plugin was closed", p.found.Name, call)
	}
	return p.death(call)
}

// around bounds and measures every call and tells the three ways apart in which no answer comes: the caller gave up, the
// process died, or nothing happened until the deadline.
func (p *Plugin) around(ctx context.Context, call *wire.Call, do func(context.Context) error) error {
	if !p.proc.alive() {
		return p.ended(call.Name)
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.gone, func() { cancel(errGone) })()
	if limit := p.host.opts.CallTimeout; limit > 0 {
		var stop context.CancelFunc
		inner, stop = context.WithTimeoutCause(inner, limit, errHung)
		defer stop()
	}
	start := time.Now()
	err := do(inner)
	p.meter.count(call.Name, time.Since(start), call.Busy, err != nil)
	if err == nil || ctx.Err() != nil {
		return err
	}
	switch cause := context.Cause(inner); {
	case errors.Is(cause, errGone), wire.Transport(err):
		if p.proc.exited(deathGrace) {
			return p.ended(call.Name)
		}
	case !p.proc.alive():
		var refused *family.Error
		if !errors.As(err, &refused) || refused.Code == family.Internal { // a torn stream has many names
			return p.ended(call.Name)
		}
	case errors.Is(cause, errHung):
		return &HungError{Plugin: p.found.Name, PID: p.PID(), Call: call.Name, After: p.host.opts.CallTimeout, Log: p.Logs()}
	}
	return err
}
