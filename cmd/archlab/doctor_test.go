package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestControlGroups(t *testing.T) {
	path := filepath.Join(t.TempDir(), "limit")
	for _, c := range []struct {
		text  string
		cpus  float64
		bytes int64
	}{{"max 100000\n", 0, 0}, {"150000 100000\n", 1.5, 0}, {"max\n", 0, 0}, {"2147483648\n", 0, 1 << 31}, {"", 0, 0}, {"1 0", 0, 0}} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if cpus, bytes := cgroupCPUs(path), cgroupBytes(path); cpus != c.cpus || bytes != c.bytes {
			t.Errorf("%q: %v CPUs, %d bytes; want %v, %d", c.text, cpus, bytes, c.cpus, c.bytes)
		}
	}
	if cgroupCPUs(path+"x") != 0 || cgroupBytes(path+"x") != 0 {
		t.Error("without a file: want no limit")
	}
	for text, want := range map[string]int64{"16 kB": 16384, "": 0, "16 MB": 0} {
		if got := kilobytes(text); got != want {
			t.Errorf("%q: %d bytes, want %d", text, got, want)
		}
	}
}
