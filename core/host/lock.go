package host

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Lock is what a plugins.lock holds: for every plugin and platform the SHA-256 sum of the one file that may be launched. In
// the file, a line is "NAME GOOS/GOARCH sha256:HEX"; empty lines and lines that begin with # are skipped.
type Lock struct {
	sums map[pin]string // hex
}

// pin is a plugin's name on a platform.
type pin struct{ name, platform string }

// Platform is this machine's column in a lock file.
func Platform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// ReadLock reads a lock file. A file that does not exist is an empty lock.
func ReadLock(path string) (*Lock, error) {
	l := &Lock{sums: map[pin]string{}}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := l.parse(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

func (l *Lock) parse(r io.Reader) error {
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := strings.Fields(line)
		if len(parts) != 3 || strings.Count(parts[1], "/") != 1 {
			return fmt.Errorf("line %d: got %q, want \"NAME GOOS/GOARCH sha256:HEX\"", n, line)
		}
		sum, ok := strings.CutPrefix(parts[2], "sha256:")
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size {
			return fmt.Errorf("line %d: %q is not \"sha256:\" and 64 hexadecimal digits", n, parts[2])
		}
		k := pin{parts[0], parts[1]}
		if _, twice := l.sums[k]; twice {
			return fmt.Errorf("line %d: %s for %s is pinned a second time", n, k.name, k.platform)
		}
		l.sums[k] = strings.ToLower(sum)
	}
	return sc.Err()
}

// Pin sets the sum of a plugin on this platform to that of the file.
func (l *Lock) Pin(name, path string) error {
	if name == "" || strings.ContainsAny(name, " \t\r\n") || strings.HasPrefix(name, "#") {
		return fmt.Errorf("pin %q: not a plugin's name", name)
	}
	sum, err := fileSum(path)
	if err != nil {
		return fmt.Errorf("pin %s: %w", name, err)
	}
	l.sums[pin{name, Platform()}] = sum
	return nil
}

// Unpin forgets a plugin on every platform and says whether it was known.
func (l *Lock) Unpin(name string) bool {
	n := len(l.sums)
	for k := range l.sums {
		if k.name == name {
			delete(l.sums, k)
		}
	}
	return len(l.sums) < n
}

// Sum answers the sum of a plugin on this platform in hexadecimal.
func (l *Lock) Sum(name string) (string, bool) {
	s, ok := l.sums[pin{name, Platform()}]
	return s, ok
}

// String is the file's text, sorted.
func (l *Lock) String() string {
	lines := make([]string, 0, len(l.sums))
	for k, sum := range l.sums {
		lines = append(lines, fmt.Sprintf("%s %s sha256:%s\n", k.name, k.platform, sum))
	}
	slices.Sort(lines)
	return "# archlab: the plugins that may be launched here\n" + strings.Join(lines, "")
}

// Write replaces the lock file in one step.
func (l *Lock) Write(path string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".plugins.lock-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.WriteString(l.String())
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// fileSum is a file's SHA-256 sum in hexadecimal.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// checkLock refuses a plugin that the lock file does not hold with this very sum. A name that is not listed is refused too:
// otherwise a new name would be the way around the lock.
func checkLock(path string, found Found) *Error {
	l, err := ReadLock(path)
	if err != nil {
		return &Error{Kind: BadLock, Message: err.Error(), Advice: "repair or delete the file", Err: err}
	}
	want, ok := l.Sum(found.Name)
	if !ok {
		return &Error{Kind: NotPinned, Message: fmt.Sprintf("%s pins no %q for %s", path, found.Name, Platform()),
			Advice: fmt.Sprintf("if you trust %s, pin it: archlab plugin lock %s", found.Path, found.Path)}
	}
	got, err := fileSum(found.Path)
	if err != nil {
		return &Error{Kind: LockMismatch, Message: err.Error(), Err: err}
	}
	if got != want {
		return &Error{Kind: LockMismatch, Message: fmt.Sprintf("%s has the sum sha256:%s, %s pins sha256:%s", found.Path, got, path, want),
			Advice: fmt.Sprintf("the file has changed since it was pinned; if you meant that, pin it again: archlab plugin lock %s", found.Path)}
	}
	return nil
}
