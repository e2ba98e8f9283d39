package data

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// codeSource streams the hand-written source files of a directory tree, in lexical order of paths.
type codeSource struct {
	root       string
	extensions []string // with the dot; empty: those of all languages below
}

// comments is how a language writes them.
type comments struct {
	line        string // begins a comment that ends with the line; may be empty
	open, close string // around a comment of several lines; may be empty
}

var (
	cStyle    = comments{"//", "/*", "*/"}
	hashStyle = comments{line: "#"}
	dashStyle = comments{line: "--"}
	semiStyle = comments{line: ";"}
	mlStyle   = comments{open: "(*", close: "*)"}
	markup    = comments{open: "<!--", close: "-->"}
)

// languages are the extensions that are read without being asked for.
var languages = map[string]comments{
	".go": cStyle, ".c": cStyle, ".h": cStyle, ".cc": cStyle, ".cpp": cStyle, ".cxx": cStyle, ".hpp": cStyle, ".cs": cStyle, ".java": cStyle, ".kt": cStyle,
	".js": cStyle, ".jsx": cStyle, ".ts": cStyle, ".tsx": cStyle, ".mjs": cStyle, ".rs": cStyle, ".swift": cStyle, ".scala": cStyle, ".dart": cStyle,
	".php": cStyle, ".proto": cStyle, ".zig": cStyle, ".css": cStyle, ".scss": cStyle, ".m": cStyle, ".cu": cStyle, ".s": cStyle,
	".py": hashStyle, ".rb": hashStyle, ".sh": hashStyle, ".pl": hashStyle, ".r": hashStyle, ".jl": hashStyle, ".ex": hashStyle, ".exs": hashStyle,
	".lua": {line: "--", open: "--[[", close: "]]"}, ".hs": {line: "--", open: "{-", close: "-}"}, ".sql": {line: "--", open: "/*", close: "*/"}, ".elm": dashStyle,
	".lisp": semiStyle, ".scm": semiStyle, ".clj": semiStyle, ".el": semiStyle, ".ml": mlStyle, ".mli": mlStyle, ".html": markup, ".vue": markup, ".svelte": markup,
}

// outsideDirs hold what others wrote or what tools made.
var outsideDirs = []string{"vendor", "third_party", "third-party", "thirdparty", "node_modules", "bower_components", "testdata", "dist", "build", "target",
	"__pycache__", "site-packages", "venv", "Pods", "Carthage"}

// Bounds on hand-written lines, from the filters of StarCoder's data (Li et al. 2023, section 3): nobody writes longer ones.
const (
	longestCodeLine  = 1000
	meanCodeLine     = 100
	largestCodeBytes = 1 << 20
)

const (
	otherFiles = "other extension"
	outsideDir = "vendored, built or hidden directory"
	minified   = "minified, data or too large"
)

func (c *codeSource) reasons() []string {
	return []string{otherFiles, outsideDir, binaryFiles, generated, minified, licences, emptyFiles}
}

func newCodeSource(cfg CorpusConfig) (*codeSource, error) {
	if cfg.Path == "" {
		return nil, errorf(ErrConfig, "path", "a corpus of kind code needs a directory").hint("set path to the root of the source tree")
	}
	root, err := filepath.EvalSymlinks(cfg.Path)
	if err != nil {
		return nil, errorf(ErrNotFound, cfg.Path, "no such directory").cause(err)
	}
	info, err := os.Stat(root)
	if err != nil {
		return nil, errorf(ErrNotFound, cfg.Path, "cannot read").cause(err)
	}
	if !info.IsDir() {
		return nil, errorf(ErrConfig, cfg.Path, "not a directory, expected the root of a source tree").hint("use a corpus of kind text for single files")
	}
	c := &codeSource{root: root}
	for _, e := range cfg.Extensions {
		e = strings.ToLower(strings.TrimSpace(e))
		if !strings.HasPrefix(e, ".") {
			e = "." + e
		}
		if len(e) < 2 || strings.ContainsAny(e, "/*?") {
			return nil, errorf(ErrConfig, "extensions", "got %q, want something like .py", e)
		}
		c.extensions = append(c.extensions, e)
	}
	return c, nil
}

func (c *codeSource) wants(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	if len(c.extensions) > 0 {
		return slices.Contains(c.extensions, ext)
	}
	_, ok := languages[ext]
	return ok
}

func (c *codeSource) each(ctx context.Context, fn func(Document) error, left leftOut) error {
	found := 0
	err := c.walk(ctx, c.root, false, func(d Document) error { found++; return fn(d) }, left)
	if err == nil && found == 0 {
		return errorf(ErrEmpty, c.root, "no source files").hint("set extensions to those of the files that you want")
	}
	return err
}

// walk visits a directory; inside one that is skipped it only counts.
func (c *codeSource) walk(ctx context.Context, root string, skipped bool, fn func(Document) error, left leftOut) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return errorf(ErrNotFound, path, "cannot read the source").cause(err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() {
			if !skipped && path != c.root && (strings.HasPrefix(d.Name(), ".") || slices.Contains(outsideDirs, d.Name())) {
				if err := c.walk(ctx, path, true, fn, left); err != nil {
					return err
				}
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(c.root, path)
		if err != nil {
			rel = path
		}
		rel = filepath.ToSlash(rel)
		switch {
		case !c.wants(d.Name()) || strings.HasPrefix(d.Name(), "."):
			left(otherFiles, rel, sizeOf(path))
			return nil
		case skipped:
			left(outsideDir, rel, sizeOf(path))
			return nil
		}
		return c.file(path, rel, fn, left)
	})
}

func (c *codeSource) file(path, rel string, fn func(Document) error, left leftOut) error {
	if size := sizeOf(path); size > largestCodeBytes {
		left(minified, rel, size)
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return errorf(ErrNotFound, path, "cannot read the source").cause(err)
	}
	style, known := languages[strings.ToLower(filepath.Ext(path))]
	if !known {
		style = hashStyle
	}
	reason := ""
	switch {
	case bytes.IndexByte(text[:min(len(text), 8000)], 0) >= 0:
		reason = binaryFiles
	case markedGenerated(text, style):
		reason = generated
	case tooDense(text):
		reason = minified
	}
	if reason != "" {
		left(reason, rel, int64(len(text)))
		return nil
	}
	body := code(text, style, rel, left)
	if len(body) == 0 {
		return nil
	}
	return fn(Document{Name: rel, Text: body})
}

// code is a file without its licence, and reports that; empty where nothing else is in it, which it reports as well.
func code(text []byte, style comments, name string, left leftOut) []byte {
	body := stripLicence(text, style)
	if len(body) < len(text) {
		left(licences, name, int64(len(text)-len(body)))
	}
	if len(body) == 0 {
		left(emptyFiles, name, 0)
	}
	return body
}

// tooDense says whether lines are longer than people write them.
func tooDense(text []byte) bool {
	lines := 0
	for line := range bytes.Lines(text) {
		if len(line) > longestCodeLine {
			return true
		}
		lines++
	}
	return lines > 0 && len(text) > meanCodeLine*lines
}

var generatedMarks = [][]byte{[]byte("do not edit"), []byte("do not modify"), []byte("@generated"), []byte("auto-generated"), []byte("autogenerated"),
	[]byte("automatically generated"), []byte("generated by the protocol buffer compiler")}

// markedGenerated looks for a generator's mark in the comments above the first code.
func markedGenerated(text []byte, style comments) bool {
	for group := range commentGroups(text, style) {
		low := bytes.ToLower(text[group.from:group.to])
		for _, m := range generatedMarks {
			if bytes.Contains(low, m) {
				return true
			}
		}
	}
	return false
}

// describe names a source in messages and reports.
func (c CorpusConfig) describe() string {
	switch {
	case c.Kind == "gosrc", c.Path == "":
		return c.Kind
	}
	return fmt.Sprintf("%s %s", c.Kind, c.Path)
}
