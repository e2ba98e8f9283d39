//go:build unix

package data

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first n bytes of a file read-only. The mapping outlives the file's descriptor and its name.
func mapFile(f *os.File, n int) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < int64(n) {
		return nil, errors.New("shorter than what is to be mapped") // touching what is missing would kill the process
	}
	b, err := unix.Mmap(int(f.Fd()), 0, n, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	// Batches read windows at random: reading ahead would fill memory with what is not used. Only advice, so its failure does not matter.
	_ = unix.Madvise(b, unix.MADV_RANDOM)
	return b, nil
}

// dropPages hands back the memory of a mapping; what is read again comes from the page cache or the disk. Readers may be at work: they wait for a
// page at most.
func dropPages(b []byte) {
	// Only advice, so its failure does not matter.
	_ = unix.Madvise(b, unix.MADV_DONTNEED)
}

func unmapFile(b []byte) error {
	if b == nil {
		return nil
	}
	return unix.Munmap(b)
}
