package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/record"
)

// machine describes where this process runs. Its FP32 peak is measured, with no plugin running: multiply-adds on registers
// alone, on all cores.
func machine() record.Machine {
	m := record.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), Features: kernel.Features()}
	m.CPU = cpuName()
	if kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.MemoryBytes = kb * 1024
	}
	m.PeakFLOPs = bench.FP32Peak(m.Cores)
	return m
}

// cpuName is the CPU's name for itself, empty where the system does not tell.
func cpuName() string { return procField("/proc/cpuinfo", "model name") }

// procField answers a "key : value" line of a file of the proc file system, or nothing.
func procField(path, key string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
