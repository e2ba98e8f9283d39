package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// prefix begins the file name of every external plugin.
const prefix = "archlab-plugin-"

// PathEnv lists directories to search, as PATH does.
const PathEnv = "ARCHLAB_PLUGIN_PATH"

// Found is a plugin that could be launched by name.
type Found struct {
	Name    string `json:"name"`
	Path    string `json:"path"` // the binary; for a built-in, the one that runs now
	Builtin bool   `json:"builtin"`
	// Source is where it was found: "built-in", "--plugin-dir", "$ARCHLAB_PLUGIN_PATH", "user config" or "PATH".
	Source string `json:"source"`
	// Problem says why it can't be launched by name, e.g. that a built-in of this name wins; empty if it can.
	Problem string `json:"problem,omitempty"`
}

// place is one directory that is searched.
type place struct {
	dir, source string
}

// places are the directories in the order of the search.
func (h *Host) places() []place {
	var out []place
	add := func(source string, dirs ...string) {
		for _, d := range dirs {
			if d != "" && !slices.ContainsFunc(out, func(p place) bool { return p.dir == d }) {
				out = append(out, place{d, source})
			}
		}
	}
	add("--plugin-dir", h.opts.Dirs...)
	add("$"+PathEnv, filepath.SplitList(os.Getenv(PathEnv))...)
	if dir, err := os.UserConfigDir(); err == nil {
		add("user config", filepath.Join(dir, "archlab", "plugins"))
	}
	add("PATH", filepath.SplitList(os.Getenv("PATH"))...)
	return out
}

// List answers every plugin that the search finds, built-ins first, then by name and in the order of the search. Those that
// another one hides are listed too and say so.
func (h *Host) List() []Found {
	var out []Found
	taken := map[string]string{}
	exe, err := h.executable()
	for _, name := range slices.Sorted(slices.Values(h.opts.Builtins)) {
		f := Found{Name: name, Path: exe, Builtin: true, Source: "built-in"}
		if err != nil {
			f.Problem = err.Error()
		}
		out = append(out, f)
		taken[name] = "the built-in of this name"
	}
	var external []Found
	for _, p := range h.places() {
		entries, err := os.ReadDir(p.dir) // sorted by name
		if err != nil {
			continue // a directory of a search path need not exist
		}
		for _, e := range entries {
			name, ok := pluginName(e.Name())
			if !ok {
				continue
			}
			f := Found{Name: name, Path: filepath.Join(p.dir, e.Name()), Source: p.source}
			if kind, msg := runnable(f.Path); kind != "" {
				f.Problem = msg
			} else if by, hidden := taken[name]; hidden {
				f.Problem = by + " wins; name this one by its path"
			} else {
				taken[name] = f.Path
			}
			external = append(external, f)
		}
	}
	slices.SortStableFunc(external, func(a, b Found) int { return strings.Compare(a.Name, b.Name) })
	return append(out, external...)
}

// pluginName takes the plugin's name out of a file's name.
func pluginName(file string) (string, bool) {
	if runtime.GOOS == "windows" {
		file = strings.TrimSuffix(file, ".exe")
	}
	name, ok := strings.CutPrefix(file, prefix)
	return name, ok && name != ""
}

// runnable says why a file can't be run, or answers "".
func runnable(path string) (Kind, string) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Missing, fmt.Sprintf("no file %s", path)
	case err != nil:
		return NotExecutable, err.Error()
	case st.IsDir():
		return NotAPlugin, fmt.Sprintf("%s is a directory", path)
	case !st.Mode().IsRegular():
		return NotAPlugin, fmt.Sprintf("%s is not a regular file", path)
	case runtime.GOOS != "windows" && st.Mode()&0o111 == 0:
		return NotExecutable, fmt.Sprintf("%s is not executable (mode %v)", path, st.Mode())
	}
	return "", ""
}

// byPath says that a reference is a file and not a name.
func byPath(ref string) bool {
	return strings.ContainsRune(ref, '/') || strings.ContainsRune(ref, filepath.Separator) || ref == "." || ref == ".."
}

// find resolves a reference: a path if it looks like one, else a built-in, else the first external plugin of that name.
func (h *Host) find(ref string) (Found, error) {
	if byPath(ref) {
		path, err := filepath.Abs(ref)
		if err != nil {
			return Found{}, &Error{Kind: Missing, Plugin: ref, Message: err.Error(), Err: err}
		}
		if kind, msg := runnable(path); kind != "" {
			return Found{}, refused(ref, path, kind, msg)
		}
		name, ok := pluginName(filepath.Base(path))
		if !ok {
			name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
		return Found{Name: name, Path: path, Source: "path"}, nil
	}
	if slices.Contains(h.opts.Builtins, ref) {
		exe, err := h.executable()
		if err != nil {
			return Found{}, &Error{Kind: Missing, Plugin: ref, Message: "where is the running binary: " + err.Error(), Err: err}
		}
		return Found{Name: ref, Path: exe, Builtin: true, Source: "built-in"}, nil
	}
	var first *Error
	var looked []string
	for _, p := range h.places() {
		looked = append(looked, p.dir)
		path := filepath.Join(p.dir, prefix+ref)
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		kind, msg := runnable(path)
		if kind == "" {
			if path, err := filepath.Abs(path); err == nil {
				return Found{Name: ref, Path: path, Source: p.source}, nil
			}
			return Found{Name: ref, Path: path, Source: p.source}, nil
		}
		if kind != Missing && first == nil {
			first = refused(ref, path, kind, msg)
		}
	}
	if first != nil {
		return Found{}, first
	}
	return Found{}, h.missing(ref, looked)
}

func refused(ref, path string, kind Kind, msg string) *Error {
	e := &Error{Kind: kind, Plugin: ref, Path: path, Message: msg}
	if kind == NotExecutable {
		e.Advice = "make it executable: chmod +x " + path
	}
	return e
}

// missing says where a name was looked for and which one was perhaps meant.
func (h *Host) missing(ref string, looked []string) *Error {
	e := &Error{Kind: Missing, Plugin: ref}
	builtins := "there are no built-in families"
	if len(h.opts.Builtins) > 0 {
		builtins = "the built-in families are " + strings.Join(slices.Sorted(slices.Values(h.opts.Builtins)), ", ")
	}
	e.Message = fmt.Sprintf("not found: %s, and no executable %s%s is in %s", builtins, prefix, ref, strings.Join(looked, ", "))
	best, dist := "", len(ref)/3+2
	for _, f := range h.List() {
		if d := distance(ref, f.Name); d < dist {
			best, dist = f.Name, d
		}
	}
	switch {
	case best != "":
		e.Advice = fmt.Sprintf("did you mean %q?", best)
	default:
		e.Advice = fmt.Sprintf("put it into one of these directories, or give its path (./%s%s)", prefix, ref)
	}
	return e
}

// distance is the number of insertions, deletions and replacements between two names (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(diag+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
