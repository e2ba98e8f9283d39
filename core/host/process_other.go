//go:build !unix

package host

import "os/exec"

func spawn(jobs <-chan func()) {
	for f := range jobs {
		f()
	}
}

func setGroup(*exec.Cmd) {}

func waitExit(cmd *exec.Cmd) { _ = cmd.Wait() }

func termGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

func ending(cmd *exec.Cmd) (int, string) {
	if cmd.ProcessState == nil {
		return -1, ""
	}
	return cmd.ProcessState.ExitCode(), ""
}

func maxRSS(*exec.Cmd) int64 { return 0 }

func peakRSS(int) int64 { return 0 }
