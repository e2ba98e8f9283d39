package main

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/record"
)

// machine describes where this process runs. Its FP32 peak is measured, with no plugin running: that of the matrix
// multiply that the built-in families use, on all cores.
func machine() record.Machine {
	m := record.Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.GOMAXPROCS(0), Go: runtime.Version(), Features: kernel.Features()}
	m.CPU = procField("/proc/cpuinfo", "model name")
	if kb, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB"), 10, 64); err == nil {
		m.MemoryBytes = kb * 1024
	}
	m.PeakFLOPs = peak()
	return m
}

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

// peak is the best rate of a few multiplications of 512 x 512 matrices, in FLOPs a second.
func peak() float64 {
	const n, rounds = 512, 12
	pool := kernel.NewPool(runtime.GOMAXPROCS(0))
	defer pool.Close()
	a, b, c := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
	for i := range a {
		a[i], b[i] = float32(i%7), float32(i%5)
	}
	best := 0.0
	for range rounds {
		begin := time.Now()
		kernel.Gemm(pool, false, false, n, n, n, a, n, b, n, 0, c, n)
		if s := time.Since(begin).Seconds(); s > 0 {
			best = max(best, 2*n*n*n/s)
		}
	}
	return best
}
