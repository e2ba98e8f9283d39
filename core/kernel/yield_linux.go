package kernel

import "syscall"

// yield lets another thread that waits for this core have it. The goroutine keeps its place in Go's scheduler, which a call
// this short need not know of.
func yield() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
