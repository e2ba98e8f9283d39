package host

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// Options of a Host. The zero value finds external plugins only.
type Options struct {
	// Builtins names the families that Executable itself serves when it is run with BuiltinArgs.
	Builtins []string
	// Executable is the binary of the built-ins; empty means the running one.
	Executable string
	// BuiltinArgs are the arguments that make Executable serve a built-in; nil means "serve-plugin NAME".
	BuiltinArgs func(name string) []string

	// Dirs are searched for external plugins before every other place (--plugin-dir).
	Dirs []string
	// LockFile, if not empty, is a plugins.lock: external plugins whose sums it does not hold are not started.
	LockFile string
	// Env is added to the environment of every plugin, as "KEY=value".
	Env []string

	// StartTimeout bounds the time from the start of the process to its first answer; 0 means a minute.
	StartTimeout time.Duration
	// CallTimeout bounds every call of the contract; 0 means ten minutes, negative means no bound.
	CallTimeout time.Duration

	// Log receives every line that a plugin writes, as "NAME: line"; nil drops them. The last ones are kept either way.
	Log io.Writer
}

// Host launches plugins. It is safe for concurrent use.
type Host struct {
	opts Options
	log  *lineWriter

	mu      sync.Mutex
	closed  bool
	plugins map[*Plugin]bool
}

// New makes a host. It starts nothing.
func New(opts Options) *Host {
	if opts.BuiltinArgs == nil {
		opts.BuiltinArgs = func(name string) []string { return []string{"serve-plugin", name} }
	}
	if opts.StartTimeout <= 0 {
		opts.StartTimeout = time.Minute
	}
	if opts.CallTimeout == 0 {
		opts.CallTimeout = 10 * time.Minute
	}
	return &Host{opts: opts, log: &lineWriter{w: opts.Log}, plugins: map[*Plugin]bool{}}
}

// Close stops every plugin that still runs, all at the same time, and refuses further launches.
func (h *Host) Close() error {
	h.mu.Lock()
	h.closed = true
	var all []*Plugin
	for p := range h.plugins {
		all = append(all, p)
	}
	h.mu.Unlock()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() { errs[i] = p.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// keep remembers a running plugin; it answers false when the host has been closed meanwhile.
func (h *Host) keep(p *Plugin) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.plugins[p] = true
	return true
}

func (h *Host) forget(p *Plugin) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.plugins, p)
}

// executable is the binary of the built-ins.
func (h *Host) executable() (string, error) {
	if h.opts.Executable != "" {
		return h.opts.Executable, nil
	}
	return os.Executable()
}
