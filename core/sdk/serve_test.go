//go:build unix

package sdk_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk"
	"github.com/archlab/archlab/core/wire"
)

const serveEnv = "ARCHLAB_TEST_SERVE"

// TestMain makes the test binary a plugin when it is told to be one.
func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		sdk.Serve(uniform{})
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// TestByHand: a person who starts a plugin learns what it is.
func TestByHand(t *testing.T) {
	cmd := exec.Command(executable(t))
	cmd.Env = append(os.Environ(), serveEnv+"=1")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	if stdout.Len() > 0 {
		t.Errorf("stdout: %s", stdout.String())
	}
	for _, want := range []string{"plugin of archlab", `"uniform", version 1.0.0`, "Every token is equally likely", "archlab plugin info"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in\n%s", want, stderr.String())
		}
	}
}

// start starts the plugin as a host would, with the handshake read, and answers its pid.
func start(t *testing.T, cmd *exec.Cmd, env ...string) string {
	t.Helper()
	cmd.Env = append(os.Environ(), serveEnv+"=1", "PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_UNIX_SOCKET_DIR=",
		wire.Handshake.MagicCookieKey+"="+wire.Handshake.MagicCookieValue)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	r := bufio.NewReader(out)
	line, err := r.ReadString('\n')
	for err == nil && !strings.HasPrefix(line, "1|1|") {
		line, err = r.ReadString('\n')
	}
	if err != nil {
		t.Fatalf("no handshake: %v", err)
	}
	return line
}

// TestEndOfLifeline: the end of stdin is the end of the process.
func TestEndOfLifeline(t *testing.T) {
	cmd := exec.Command(executable(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as under a host: it ends its whole group
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd, wire.LifelineEnv+"=stdin")
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("an orphan ends as if all were well")
	}
}

// TestForeignHost: without a lifeline, a change of parent is the sign.
func TestForeignHost(t *testing.T) {
	// The shell is the host. It waits, so that it does not become the plugin.
	cmd := exec.Command("/bin/sh", "-c", `"$0" & echo $! >&2; wait`, executable(t))
	pids, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pids.Close()
	cmd.Stderr = w
	start(t, cmd)
	_ = w.Close()
	line, err := bufio.NewReader(pids).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { // the plugin holds the other end of its stderr for as long as it lives
		_, err := io.Copy(io.Discard, pids)
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(15 * time.Second):
		_ = syscall.Kill(pid, syscall.SIGKILL)
		t.Error("the plugin outlives its host")
	}
}

// TestUnimplemented: every call answers the code, by whatever name a new one comes.
func TestUnimplemented(t *testing.T) {
	var m family.Model = sdk.Unimplemented{}
	v := reflect.ValueOf(m)
	for i := range v.NumMethod() {
		name := v.Type().Method(i).Name
		f := v.Method(i)
		args := []reflect.Value{reflect.ValueOf(context.Background())}
		for j := 1; j < f.Type().NumIn(); j++ {
			args = append(args, reflect.Zero(f.Type().In(j)))
		}
		out := f.Call(args)
		err, _ := out[len(out)-1].Interface().(error)
		want := family.Unimplemented
		if name == "Release" {
			want = ""
		}
		if family.CodeOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), strings.ToLower(name)+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
