package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
)

// external writes a script that runs the test binary in an act, as archlab-plugin-NAME in a new directory.
func external(t *testing.T, name, act string) (dir, path string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	return dir, script(t, filepath.Join(dir, prefix+name), "#!/bin/sh\n"+actEnv+"='"+act+"' exec '"+exe+"'\n", 0o755)
}

func script(t *testing.T, path, text string, mode fs.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// isolate keeps the search away from what is installed on the machine.
func isolate(t *testing.T) {
	t.Helper()
	t.Setenv(PathEnv, "")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir()+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// TestStartErrors starts everything that is not a working plugin.
func TestStartErrors(t *testing.T) {
	for _, c := range []struct {
		act      string
		external bool
		kind     Kind
		message  []string // all in Error() or Hint()
		timeout  time.Duration
	}{
		{act: "print", kind: PrintedFirst, message: []string{`"loading the weights ..."`, "stderr"}},
		{act: "silent exit", kind: ExitedEarly, message: []string{"exit status 5", "| no device found", "by hand"}},
		{act: "early panic", kind: ExitedEarly, message: []string{"exit status 2", "| panic: initialisation went wrong"}},
		{act: "not a plugin", kind: NotAPlugin, message: []string{"usage: something else", "exit status 2"}},
		{act: "chatty", kind: NotAPlugin, message: []string{`"hello"`}},
		{act: "silence", kind: NoAnswer, message: []string{"no handshake within 300ms"}, timeout: 300 * time.Millisecond},
		{act: "version 2", kind: WrongProtocol, message: []string{"protocol version 2", "speaks 1", "newer"}},
		{act: "version 0", kind: WrongProtocol, message: []string{"protocol version 0", "older"}},
		{act: "core 2", kind: WrongProtocol, message: []string{"version 2 of go-plugin"}},
		{act: "net/rpc", kind: WrongProtocol, message: []string{"gRPC"}},
		{act: "no tls", external: true, kind: NoTLS, message: []string{"certificate", "PLUGIN_CLIENT_CERT"}},
		{act: "nobody home", kind: NoAnswer, message: []string{"health"}},
		{act: "flood", kind: NoAnswer, message: []string{"| got it all out"}},
		{act: "dies at once", kind: ExitedEarly, message: []string{"exit status 9", "| oh no"}},
	} {
		t.Run(c.act, func(t *testing.T) {
			t.Parallel()
			o := Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=" + c.act}, StartTimeout: 20 * time.Second}
			if c.timeout > 0 {
				o.StartTimeout = c.timeout
			}
			ref := "fake"
			if c.external {
				_, ref = external(t, "x", c.act)
			}
			h := New(o)
			defer h.Close()
			p, err := h.Launch(context.Background(), ref)
			if err == nil {
				t.Fatalf("launched %s as pid %d", c.act, p.PID())
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			if e.Kind != c.kind {
				t.Errorf("kind %q, want %q", e.Kind, c.kind)
			}
			text := err.Error() + "\n" + Hint(err)
			for _, want := range c.message {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if got := family.CodeOf(err); got != family.Unavailable {
				t.Errorf("code %q", got)
			}
		})
	}
}

func TestFileErrors(t *testing.T) {
	isolate(t)
	dir := t.TempDir()
	script(t, filepath.Join(dir, prefix+"plain"), "#!/bin/sh\n", 0o644)
	script(t, filepath.Join(dir, prefix+"garbage"), "\x7fELF is not enough", 0o755)
	script(t, filepath.Join(dir, prefix+"lost"), "#!/no/such/interpreter\n", 0o755)
	h := New(Options{Builtins: []string{"transformer", "mamba"}, Dirs: []string{dir}, StartTimeout: 5 * time.Second})
	defer h.Close()
	for _, c := range []struct {
		ref     string
		kind    Kind
		code    family.Code
		message []string
	}{
		{"transfromer", Missing, family.NotFound, []string{dir, "mamba, transformer", `did you mean "transformer"?`}},
		{"zzzzzzzzzzzz", Missing, family.NotFound, []string{prefix + "zzzzzzzzzzzz", "its path"}},
		{"./nothing/here", Missing, family.NotFound, []string{"no file"}},
		{dir, NotAPlugin, family.Unavailable, []string{"is a directory"}},
		{"/dev/null", NotAPlugin, family.Unavailable, []string{"not a regular file"}},
		{"plain", NotExecutable, family.Unavailable, []string{"-rw-r--r--", "chmod +x"}},
		{filepath.Join(dir, prefix+"plain"), NotExecutable, family.Unavailable, []string{"chmod +x"}},
		{"garbage", NotAPlugin, family.Unavailable, []string{"can't run it", "built for"}},
		{"lost", NotAPlugin, family.Unavailable, []string{"can't run it", "interpreter"}},
	} {
		t.Run(filepath.Base(c.ref), func(t *testing.T) {
			_, err := h.Launch(context.Background(), c.ref)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			if e.Kind != c.kind || family.CodeOf(err) != c.code {
				t.Errorf("kind %q, code %q; want %q, %q", e.Kind, family.CodeOf(err), c.kind, c.code)
			}
			text := err.Error() + "\n" + Hint(err)
			for _, want := range c.message {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
		})
	}
}

func TestSearchOrder(t *testing.T) {
	isolate(t)
	dirs := map[string]string{}
	for _, d := range []string{"flag", "env", "config", "path"} {
		dirs[d] = t.TempDir()
	}
	t.Setenv(PathEnv, dirs["env"])
	t.Setenv("PATH", dirs["path"])
	t.Setenv("XDG_CONFIG_HOME", dirs["config"])
	user := filepath.Join(dirs["config"], "archlab", "plugins")
	if err := os.MkdirAll(user, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(dir, name string, mode fs.FileMode) string {
		return script(t, filepath.Join(dir, prefix+name), "#!/bin/sh\n", mode)
	}
	a := put(dirs["flag"], "a", 0o755)
	hidden := put(dirs["env"], "a", 0o755)
	dead := put(dirs["flag"], "b", 0o644) // not executable: the search goes on, as a shell's does
	b := put(dirs["env"], "b", 0o755)
	c := put(user, "c", 0o755)
	d := put(dirs["path"], "d", 0o755)
	own := put(dirs["flag"], "own", 0o755)
	put(dirs["flag"], "", 0o755)

	h := New(Options{Builtins: []string{"own"}, Executable: "/archlab", Dirs: []string{dirs["flag"], dirs["flag"]}})
	for name, want := range map[string]Found{
		"a":   {Name: "a", Path: a, Source: "--plugin-dir"},
		"b":   {Name: "b", Path: b, Source: "$ARCHLAB_PLUGIN_PATH"},
		"c":   {Name: "c", Path: c, Source: "user config"},
		"d":   {Name: "d", Path: d, Source: "PATH"},
		"own": {Name: "own", Path: "/archlab", Builtin: true, Source: "built-in"},
		own:   {Name: "own", Path: own, Source: "path"},
	} {
		got, err := h.find(name)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	var list []string
	for _, f := range h.List() {
		line := f.Name + " " + f.Path
		if f.Problem != "" {
			line += " !"
		}
		list = append(list, line)
	}
	want := []string{"own /archlab", "a " + a, "a " + hidden + " !", "b " + dead + " !", "b " + b, "c " + c, "d " + d, "own " + own + " !"}
	if strings.Join(list, "\n") != strings.Join(want, "\n") {
		t.Errorf("list:\n%s\nwant:\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}
}

// TestExternal launches a plugin by name and by path: over mutual TLS, from a script, with its directory's long name kept
// out of the socket's path.
func TestExternal(t *testing.T) {
	isolate(t)
	dir, path := external(t, "ext", "serve")
	long := filepath.Join(t.TempDir(), strings.Repeat("a-very-long-name-", 8))
	if err := os.MkdirAll(long, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	h := New(Options{Dirs: []string{dir}, StartTimeout: 20 * time.Second})
	defer h.Close()
	for _, ref := range []string{"ext", path} {
		p, err := h.Launch(context.Background(), ref)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name() != "ext" || p.Builtin() {
			t.Errorf("name %q, built-in %v", p.Name(), p.Builtin())
		}
		m := build(t, p, "", 0)
		if _, err := m.Score(context.Background(), batch(2, 2)); err != nil {
			t.Error(err)
		}
		if sockets := p.proc.dir; sockets == "" || strings.HasPrefix(sockets, long) {
			t.Errorf("sockets in %q", sockets)
		} else if _, err := os.Stat(sockets); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the socket directory %s is left: %v", sockets, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLaunchCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := New(Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=silence"}})
	defer h.Close()
	time.AfterFunc(300*time.Millisecond, cancel)
	_, err := h.Launch(ctx, "fake")
	var e *Error
	if !errors.As(err, &e) || e.Kind != Interrupted || !errors.Is(err, context.Canceled) || family.CodeOf(err) != family.Canceled {
		t.Errorf("%v", err)
	}
	if _, err := h.Launch(ctx, "fake"); !errors.As(err, &e) || e.Kind != Interrupted {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestClosedHost(t *testing.T) {
	h := New(Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=serve"}})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := h.Launch(context.Background(), "fake")
	var e *Error
	if !errors.As(err, &e) || e.Kind != HostClosed {
		t.Errorf("%v", err)
	}
}
