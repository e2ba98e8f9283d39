//go:build unix

package sdk

import (
	"os"

	"golang.org/x/sys/unix"
)

// redirectStdout points file descriptor 1 at stderr for code that does not go through os.Stdout.
func redirectStdout(stderr *os.File) {
	_ = unix.Dup2(int(stderr.Fd()), 1) // on failure stdout stays the host's pipe, which the host drains too
}

// endGroup kills the process group if this process leads it, as it does under a host.
func endGroup() {
	if unix.Getpgrp() == os.Getpid() {
		_ = unix.Kill(0, unix.SIGKILL)
	}
}
