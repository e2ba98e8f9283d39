package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/host"
)

// lookAtLimits says how much of the machine this process may use.
func lookAtLimits(p *patient) {
	threads := runtime.GOMAXPROCS(0)
	switch quota := cgroupCPUs("/sys/fs/cgroup/cpu.max"); {
	case quota > 0 && quota < float64(threads):
		p.note("threads", "set GOMAXPROCS="+strconv.Itoa(max(1, int(quota))), "%d, but the control group grants %.1f CPUs: threads would wait for each other", threads, quota)
	case threads < runtime.NumCPU():
		p.note("threads", "unset GOMAXPROCS to use all", "%d of %d CPUs", threads, runtime.NumCPU())
	default:
		p.ok("threads", "%d, one for each CPU", threads)
	}
	total := kilobytes(procField("/proc/meminfo", "MemTotal"))
	free := kilobytes(procField("/proc/meminfo", "MemAvailable"))
	group := cgroupBytes("/sys/fs/cgroup/memory.max")
	switch {
	case total == 0:
		p.note("memory", "", "the system does not tell")
	case group > 0 && group < total:
		p.note("memory", "", "the control group grants %sB of %sB", short(float64(group)), short(float64(total)))
	default:
		p.ok("memory", "%sB, %sB of it available", short(float64(total)), short(float64(free)))
	}
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		p.note("GOMEMLIMIT", "", "%sB: plugins inherit it", short(float64(limit)))
	}
	temp := os.TempDir()
	if err := writable(temp); err != nil {
		p.problem("temporary files", "set TMPDIR to a directory that can be written", "%v", err)
	} else {
		p.ok("temporary files", "%s", temp)
	}
	if dir, err := host.SocketDir(); err != nil {
		p.problem("plugin sockets", "", "%v", err)
	} else if filepath.Clean(dir) != filepath.Clean(temp) {
		p.note("plugin sockets", "", "%s, since sockets do not fit into %s", dir, temp)
	} else {
		p.ok("plugin sockets", "%s", dir)
	}
}

// cgroupCPUs reads a quota of CPU time in CPUs, 0 without one.
func cgroupCPUs(path string) float64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	quota, period, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	q, err1 := strconv.ParseFloat(quota, 64)
	t, err2 := strconv.ParseFloat(period, 64)
	if err1 != nil || err2 != nil || t <= 0 {
		return 0
	}
	return q / t
}

// cgroupBytes reads a limit of memory, 0 without one.
func cgroupBytes(path string) int64 {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// kilobytes reads "123 kB" as bytes, 0 if it is something else.
func kilobytes(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(s, " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n * 1024
}
