package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// Log is an append-only file of JSON lines. A line is one write, so that a killed process leaves at most one torn line,
// at the end, which readers drop and OpenLog cuts off. Safe for concurrent use.
type Log struct {
	mu   sync.Mutex
	path string
	f    *os.File
	size int64 // bytes of whole lines
}

// OpenLog opens path for appending and cuts a torn last line off. With keep >= 0 everything after byte keep goes too:
// a resumed run forgets what came after its checkpoint.
func OpenLog(path string, keep int64) (*Log, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	size, err := wholeLines(f)
	if err == nil && keep >= 0 {
		if size < keep {
			err = fmt.Errorf("%d bytes are left of at least %d", size, keep)
		}
		size = keep
	}
	if err == nil {
		err = truncate(f, size)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open log %s: %w", path, err)
	}
	return &Log{path: path, f: f, size: size}, nil
}

// Append writes v as one line. When that fails the file is as it was before, so a full disk loses nothing.
func (l *Log) Append(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("append to %s: %w", l.path, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.f.Write(append(line, '\n')); err != nil {
		_ = truncate(l.f, l.size)
		return fmt.Errorf("append to %s: %w", l.path, err)
	}
	l.size += int64(len(line)) + 1
	return nil
}

// Sync makes what was appended last, and answers the number of bytes that are then in the file.
func (l *Log) Sync() (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.f.Sync(); err != nil && !errors.Is(err, os.ErrInvalid) {
		return l.size, fmt.Errorf("sync %s: %w", l.path, err)
	}
	return l.size, nil
}

// Close closes the file.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}

// ReadLog reads every whole line of path. A torn last line is dropped; any other line that is not a T is an error that
// names it. A missing file is an empty log.
func ReadLog[T any](path string) ([]T, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := parseLog[T](data)
	if err != nil {
		return out, fmt.Errorf("read %s: %w", path, err)
	}
	return out, nil
}

func parseLog[T any](data []byte) ([]T, error) {
	var out []T
	for n := 1; ; n++ {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return out, nil // what is left, if anything, is torn
		}
		var v T
		if err := json.Unmarshal(data[:i], &v); err != nil {
			return out, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, v)
		data = data[i+1:]
	}
}

// wholeLines answers the offset after the last newline of f.
func wholeLines(f *os.File) (int64, error) {
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return 0, err
	}
	buf := make([]byte, 1<<16)
	for end := st.Size(); end > 0; {
		from := max(0, end-int64(len(buf)))
		n, err := f.ReadAt(buf[:end-from], from)
		if err != nil && err != io.EOF {
			return 0, err
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// truncate cuts f to size and puts the write position there.
func truncate(f *os.File, size int64) error {
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return err
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := f.Seek(size, io.SeekStart)
	return err
}
