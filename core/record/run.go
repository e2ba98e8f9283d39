package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Format is the version of the run directory that this package writes and reads.
const Format = 1

// Run is a run directory that this process may write: it holds the lock.
type Run struct {
	Dir  string
	lock *flock.Flock
	log  *Log
}

// Create makes a new run directory <root>/<name>/<id> and locks it. The id is the start's time in UTC; a second run of
// the same second gets a suffix.
func Create(root, name string, started time.Time) (*Run, error) {
	if !validName(name) {
		return nil, fmt.Errorf("create run: name %q: want letters, digits, dots, dashes and underscores", name)
	}
	parent := filepath.Join(root, name)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("create run: %w", err)
	}
	id := started.UTC().Format("20060102-150405")
	for n := 1; ; n++ {
		dir := filepath.Join(parent, id)
		if n > 1 {
			dir += "-" + strconv.Itoa(n)
		}
		err := os.Mkdir(dir, 0o755)
		if err == nil {
			return Lock(dir)
		}
		if !errors.Is(err, os.ErrExist) || n > 1000 {
			return nil, fmt.Errorf("create run: %w", err)
		}
	}
}

// Lock takes an existing run directory for writing. It answers an *InUseError while another process holds it. The lock
// goes with the process, however it ends.
func Lock(dir string) (*Run, error) {
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("%s: %w", dir, ErrNotARun)
	}
	path := filepath.Join(dir, "lock")
	l := flock.New(path)
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock run directory %s: %w", dir, err)
	}
	if !ok {
		pid := 0
		if data, err := os.ReadFile(path); err == nil {
			pid, _ = strconv.Atoi(strings.TrimSpace(string(data)))
		}
		return nil, &InUseError{Dir: dir, PID: pid}
	}
	// In place, not by rename: the lock is on this very inode.
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644); err != nil {
		_ = l.Unlock()
		return nil, fmt.Errorf("lock run directory %s: %w", dir, err)
	}
	return &Run{Dir: dir, lock: l}, nil
}

// ID is the run's name within its experiment.
func (r *Run) ID() string { return filepath.Base(r.Dir) }

// Close gives the directory back. It is safe to call twice.
func (r *Run) Close() error {
	if r.log != nil {
		_ = r.log.Close()
		r.log = nil
	}
	if r.lock == nil {
		return nil
	}
	l := r.lock
	r.lock = nil
	return l.Unlock()
}

// WriteManifest replaces manifest.json.
func (r *Run) WriteManifest(m Manifest) error {
	m.Format, m.ID = Format, r.ID()
	return WriteJSON(filepath.Join(r.Dir, "manifest.json"), m)
}

// WriteConfig replaces config.yaml, the experiment as resolved.
func (r *Run) WriteConfig(data []byte) error {
	return WriteFile(filepath.Join(r.Dir, "config.yaml"), data)
}

// Event appends one line to events.jsonl.
func (r *Run) Event(v any) error {
	if r.log == nil {
		l, err := OpenLog(filepath.Join(r.Dir, "events.jsonl"), -1)
		if err != nil {
			return err
		}
		r.log = l
	}
	return r.log.Append(v)
}

// ModelDir answers the directory of one model and seed inside a run directory.
func ModelDir(run, model string, seed uint64) string {
	return filepath.Join(run, "models", model, "seed-"+strconv.FormatUint(seed, 10))
}

// MakeModelDir makes it.
func (r *Run) MakeModelDir(model string, seed uint64) (string, error) {
	if !validName(model) {
		return "", fmt.Errorf("model name %q: want letters, digits, dots, dashes and underscores", model)
	}
	dir := ModelDir(r.Dir, model, seed)
	return dir, os.MkdirAll(dir, 0o755)
}

// WriteResult replaces result.json of one model and seed.
func (r *Run) WriteResult(res Result) error {
	dir, err := r.MakeModelDir(res.Model, res.Seed)
	if err != nil {
		return err
	}
	return WriteJSON(filepath.Join(dir, "result.json"), res)
}

// validName keeps names that become directories inside the run.
func validName(s string) bool {
	if s == "" || len(s) > 100 || strings.HasPrefix(s, ".") {
		return false
	}
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_', c == '+':
		default:
			return false
		}
	}
	return true
}
