package record

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrNoCheckpoint says that a model has no checkpoint to go on from.
var ErrNoCheckpoint = errors.New("no checkpoint")

// ErrNotARun says that a directory holds no run.
var ErrNotARun = errors.New("not a run directory")

// InUseError says that another live process holds a run directory.
type InUseError struct {
	Dir string
	PID int // 0 when unknown
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("run directory %s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("run directory %s is in use by process %d", e.Dir, e.PID)
}

// DamagedError says that a checkpoint cannot be used, and why.
type DamagedError struct {
	Dir    string
	Reason string
}

func (e *DamagedError) Error() string { return fmt.Sprintf("checkpoint %s: %s", e.Dir, e.Reason) }

// IsFull answers whether err means that no more can be written: a full disk, a quota, or a file size limit.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
