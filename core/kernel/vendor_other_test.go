//go:build !amd64

package kernel

func intel() bool { return false }
