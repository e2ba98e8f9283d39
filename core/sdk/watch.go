package sdk

import (
	"io"
	"os"
	"time"

	"github.com/archlab/archlab/core/wire"
)

// exitOrphaned is the status of a plugin whose host has gone away.
const exitOrphaned = 3

// watchHost ends the process when its host ends, by whatever means. The host keeps the write end of our standard input: the
// kernel closes it even when the host is killed. Under another host, which does not say so, a change of parent is the sign.
//
// Linux's parent-death signal is set by the host, not here: it fires when the parent's *thread* ends, and only the host
// knows that it forks from a thread that lives as long as itself.
func watchHost() {
	if os.Getenv(wire.LifelineEnv) == "stdin" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // an error ends it as well as the end of the pipe
			orphaned()
		}()
		return
	}
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(time.Second)
		}
		orphaned()
	}()
}

// orphaned leaves nothing behind: not the socket, not a grandchild, not this process.
func orphaned() {
	if dir := os.Getenv("PLUGIN_UNIX_SOCKET_DIR"); dir != "" && os.Getenv(wire.LifelineEnv) != "" {
		_ = os.RemoveAll(dir) // made by our host for this process alone
	}
	endGroup()
	os.Exit(exitOrphaned)
}
