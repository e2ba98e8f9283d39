//go:build !linux

package model

// memory is unknown here.
func memory() int64 { return 0 }
