//go:build !unix

package model

import "runtime"

// peakRSS is the memory that the Go runtime holds, where the system's own figure is not asked for.
func peakRSS() int64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.Sys)
}
