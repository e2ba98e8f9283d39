//go:build !amd64

package kernel

var nativeISAs []isa

func cpuFeatures() []string { return nil }
