package host

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
)

const (
	keptLines = 200      // of what a process wrote
	maxLine   = 16 << 10 // bytes of a line that are kept; the rest of a longer one is dropped
	maxPanic  = 48       // lines kept from the start of a panic
)

// ring keeps the last lines that a process wrote, and apart from them its last panic, which many goroutines' stacks would
// push out.
type ring struct {
	mu     sync.Mutex
	lines  []string
	start  int // index of the oldest line once lines is full
	panic  []string
	inside bool // a panic is being written
	tee    func(line string)
}

// add appends one line.
func (r *ring) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.lines) < keptLines {
		r.lines = append(r.lines, line)
	} else {
		r.lines[r.start] = line
		r.start = (r.start + 1) % keptLines
	}
	if startsPanic(line) {
		r.panic, r.inside = nil, true
	}
	if r.inside {
		r.panic = append(r.panic, line)
		r.inside = len(r.panic) < maxPanic
	}
	if r.tee != nil {
		r.tee(line)
	}
}

// startsPanic knows how the death of a Go and of a Python process begins.
func startsPanic(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") ||
		strings.HasPrefix(line, "runtime: goroutine stack exceeds") || strings.HasPrefix(line, "Traceback (most recent call last)") ||
		strings.HasPrefix(line, "SIGSEGV: ") || strings.HasPrefix(line, "SIGABRT: ") || strings.HasPrefix(line, "SIGQUIT: ")
}

// last answers the kept lines, oldest first.
func (r *ring) last() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]string, 0, len(r.lines))
	out = append(out, r.lines[r.start:]...)
	return append(out, r.lines[:r.start]...)
}

// panicText answers the last panic: of Go's, the reason and the stack that it happened on.
func (r *ring) panicText() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.panic
	stacks := 0
	for i, l := range lines {
		if strings.HasPrefix(l, "goroutine ") {
			if stacks++; stacks == 2 {
				lines = lines[:i]
				break
			}
		}
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Write makes a ring the target of go-plugin's stdio stream, whose pieces are not lines.
func (r *ring) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		r.add(strings.TrimRight(line, "\r\n"))
	}
	return len(p), nil
}

// readLines hands every line of r to each, cut at maxLine bytes, until r ends. It never stops reading: a process whose pipe
// is not drained would block.
func readLines(r io.Reader, each func(line string)) {
	br := bufio.NewReaderSize(r, maxLine)
	cut := false
	for {
		line, err := br.ReadSlice('\n')
		if len(line) > 0 && !cut {
			each(strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD"))
		}
		cut = errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !cut {
			return
		}
	}
}

// lineWriter writes whole lines of several plugins to one writer.
type lineWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lineWriter) line(plugin, line string) {
	if l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.w, plugin+": "+line+"\n") // a log that can't be written is no reason to stop
}
