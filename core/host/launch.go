package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/wire"
)

// Launch starts the plugin that ref names, or that lies at ref if it holds a path separator, and returns when it has
// answered a first call. The context bounds the launch only.
func (h *Host) Launch(ctx context.Context, ref string) (*Plugin, error) {
	found, err := h.find(ref)
	if err != nil {
		return nil, err
	}
	fail := func(e *Error) (*Plugin, error) {
		e.Plugin, e.Path = ref, found.Path
		return nil, e
	}
	if err := ctx.Err(); err != nil {
		return fail(&Error{Kind: Interrupted, Message: err.Error(), Err: err})
	}
	if !found.Builtin && h.opts.LockFile != "" {
		if e := checkLock(h.opts.LockFile, found); e != nil {
			return fail(e)
		}
	}
	p, e := h.start(ctx, found)
	if e != nil {
		return fail(e)
	}
	if !h.keep(p) {
		_ = p.Close()
		return fail(&Error{Kind: HostClosed, Message: "the host has been closed"})
	}
	return p, nil
}

// start runs the process and connects to it.
func (h *Host) start(ctx context.Context, found Found) (*Plugin, *Error) {
	logs := &ring{tee: func(line string) { h.log.line(found.Name, line) }}
	p := &Plugin{host: h, found: found, meter: newMeter(), abort: make(chan struct{})}
	var args []string
	if found.Builtin {
		args = h.opts.BuiltinArgs(found.Name)
	}
	base, err := SocketDir()
	if err != nil {
		return nil, &Error{Kind: NoAnswer, Message: err.Error(), Err: err}
	}
	env := append(cleanEnv(os.Environ()), h.opts.Env...)
	env = append(env, wire.LifelineEnv+"=stdin")
	config := &plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake,
		Plugins:          plugin.PluginSet{wire.PluginName: &wire.Plugin{Around: p.around}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(), // logs hold what the process wrote, errors what went wrong
		SyncStdout:       logs,
		SyncStderr:       logs,
		SkipHostEnv:      true,
		StartTimeout:     h.opts.StartTimeout + 2*shutdownGrace, // ours comes first
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: base},
		GRPCDialOptions:  append(wire.DialOptions(), grpc.WithStatsHandler(p.meter)),
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, dir string) (runner.Runner, error) {
			p.proc = newProcess(found.Path, args, append(env, spec.Env...), dir, logs)
			p.proc.wantTLS, p.proc.startTimeout, p.proc.abort = !found.Builtin, h.opts.StartTimeout, p.abort
			return p.proc, nil
		},
	}
	if !found.Builtin { // our own binary over a socket in a private directory needs no certificate
		conf, cert, err := mutualTLS(time.Now())
		if err != nil {
			return nil, &Error{Kind: NoTLS, Message: err.Error(), Err: err}
		}
		config.TLSConfig = conf
		env = append(env, clientCertEnv+"="+cert)
	}
	p.client = plugin.NewClient(config)

	limited, cancel := context.WithTimeout(ctx, h.opts.StartTimeout+shutdownGrace)
	defer cancel()
	err = p.connect(limited)
	if err == nil {
		return p, nil
	}
	e := p.startError(ctx, err)
	if p.proc != nil {
		_ = os.RemoveAll(p.proc.dir)
	}
	return nil, e
}

// connect goes from nothing to a process that answers.
func (p *Plugin) connect(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { close(p.abort) })()
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	conn, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		return fmt.Errorf("go-plugin answered a %T", protocol)
	}
	gone, end := context.WithCancel(context.Background())
	p.gone = gone
	go func() { <-p.proc.done; end() }()

	res, err := grpc_health_v1.NewHealthClient(conn.Conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: plugin.GRPCServiceName})
	if err != nil {
		return fmt.Errorf("the health service does not answer for %q: %w", plugin.GRPCServiceName, err)
	}
	if res.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("the health service says %v for %q", res.GetStatus(), plugin.GRPCServiceName)
	}
	raw, err := conn.Dispense(wire.PluginName)
	if err != nil {
		return err
	}
	if p.fam, ok = raw.(family.Family); !ok {
		return fmt.Errorf("go-plugin dispensed a %T", raw)
	}
	// The connection outlives the socket's name, and nothing ever connects again. Without the name there is no one else who
	// could, and nothing to leave behind if this process is killed.
	_ = os.RemoveAll(p.proc.dir)
	p.proc.sampleRSS()
	return nil
}

// startError ends the process and says which of the known ways to fail it was.
func (p *Plugin) startError(ctx context.Context, err error) *Error {
	if p.proc == nil { // it never came to a process
		return &Error{Kind: NoAnswer, Message: err.Error(), Err: err}
	}
	if p.proc.cmd.Process == nil {
		return p.execError(err)
	}
	crashed := p.proc.exited(termGrace) // if it is about to end, its own status tells more than our signal
	_ = p.proc.Kill(context.Background())
	p.client.Kill()
	if ctx.Err() != nil {
		return &Error{Kind: Interrupted, Message: "the launch was given up: " + ctx.Err().Error(), Err: ctx.Err()}
	}
	p.proc.mu.Lock()
	e := p.proc.problem
	p.proc.mu.Unlock()
	if e == nil {
		switch {
		case crashed:
			e = &Error{Kind: ExitedEarly, Message: "it ended after the handshake and before its first answer"}
		default:
			e = &Error{Kind: NoAnswer, Message: err.Error(), Err: err}
		}
	} else {
		c := *e
		e = &c
	}
	e.Output = p.proc.logs.last()
	if e.Kind == ExitedEarly || e.Kind == NotAPlugin {
		exit, signal := ending(p.proc.cmd)
		d := DeathError{Exit: exit, Signal: signal}
		if e.Kind == ExitedEarly || signal == "" {
			e.Message += fmt.Sprintf(" (%s)", d.How())
		}
		if e.Advice == "" {
			e.Advice = "run it by hand to see what it says: " + p.found.Path
		}
	}
	return e
}

// execError explains why the system refused to run a file.
func (p *Plugin) execError(err error) *Error {
	e := &Error{Kind: NotAPlugin, Message: fmt.Sprintf("the system can't run it: %v", err), Err: err}
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.Kind = NotExecutable
		e.Advice = "the file or the file system it lies on does not allow execution"
	case errors.Is(err, syscall.ENOEXEC):
		e.Advice = fmt.Sprintf("is it built for %s/%s? a script must begin with #!", runtime.GOOS, runtime.GOARCH)
	case errors.Is(err, fs.ErrNotExist):
		e.Advice = "the file is there, so what is missing is the interpreter in its first line or its dynamic loader"
	}
	return e
}

// cleanEnv drops go-plugin's variables, which are a parent's business with this process and not with its children.
func cleanEnv(env []string) []string {
	var out []string
	for _, kv := range env {
		if strings.HasPrefix(kv, "PLUGIN_") || strings.HasPrefix(kv, wire.LifelineEnv+"=") || strings.HasPrefix(kv, wire.Handshake.MagicCookieKey+"=") {
			continue
		}
		out = append(out, kv)
	}
	return out
}

// socketRoom is what go-plugin appends to the directory of a socket: two names with random numbers of up to ten digits.
const socketRoom = len("/plugin-dir0123456789/plugin0123456789")

// maxSocketPath is the longest path of a unix socket that every system takes (macOS: 104 bytes with the final zero).
const maxSocketPath = 103

// SocketDir answers the directory that plugins' sockets go to: one that is short enough to hold them. go-plugin makes a private one in it.
func SocketDir() (string, error) {
	for _, dir := range []string{os.TempDir(), os.Getenv("XDG_RUNTIME_DIR"), "/tmp", "/var/tmp"} {
		if dir == "" || len(dir)+socketRoom > maxSocketPath {
			continue
		}
		if abs, err := filepath.Abs(dir); err != nil || len(abs)+socketRoom > maxSocketPath {
			continue
		}
		probe, err := os.MkdirTemp(dir, "archlab")
		if err != nil {
			continue
		}
		_ = os.Remove(probe)
		return dir, nil
	}
	return "", fmt.Errorf("no writable directory with a path short enough for a unix socket; set TMPDIR to one of at most %d bytes", maxSocketPath-socketRoom)
}
