//go:build unix && !linux

package host

import (
	"os/exec"
	"syscall"
)

// setGroup makes the process lead a group of its own, out of reach of the terminal's Ctrl-C. That this process has ended it
// learns from its stdin.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// waitExit returns when the process has ended. It is reaped by then.
func waitExit(cmd *exec.Cmd) { _ = cmd.Wait() }

// peakRSS is only known once the process has ended.
func peakRSS(int) int64 { return 0 }
