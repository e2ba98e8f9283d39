package data

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// maxDocument bounds what is held in memory at once, and lets sizes fit in 32 bits.
const maxDocument = 64 << 20

// goSource streams the hand-written Go source under a GOROOT/src, in lexical order of paths.
type goSource struct{ root string }

const (
	notGo      = "not Go source"
	outside    = "testdata, vendor or hidden directory"
	generated  = "generated"
	licences   = "licence headers"
	emptyFiles = "empty"
)

func (g *goSource) reasons() []string {
	return []string{notGo, outside, generated, licences, emptyFiles}
}

func newGoSource(ctx context.Context, cfg CorpusConfig) (*goSource, error) {
	root := cfg.Path
	if root == "" {
		goroot, err := findGoroot(ctx)
		if err != nil {
			return nil, err
		}
		root = filepath.Join(goroot, "src")
	}
	// A distribution may link GOROOT/src to where it keeps sources; WalkDir does not follow links.
	real, err := filepath.EvalSymlinks(root)
	if err == nil {
		_, err = os.Stat(filepath.Join(real, "fmt", "print.go"))
	}
	if err != nil {
		return nil, errorf(ErrNotFound, root, "no Go source here, expected the toolchain's GOROOT/src").cause(err).
			hint("some packaged toolchains leave the source out: install Go with its src directory, or use a corpus of kind text with a path")
	}
	return &goSource{root: real}, nil
}

// findGoroot asks the go command, since a binary built with -trimpath does not know; then the binary itself.
func findGoroot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if dir := strings.TrimSpace(string(out)); err == nil && dir != "" {
		return dir, nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	//lint:ignore SA1019 the fallback for machines that run the binary without a go command in PATH
	if dir := runtime.GOROOT(); dir != "" {
		return dir, nil
	}
	return "", errorf(ErrNotFound, "gosrc", "no Go toolchain: `go env GOROOT` gave nothing").cause(err).
		hint("put the go command in PATH or set GOROOT, or use a corpus of kind text with a path")
}

func (g *goSource) each(ctx context.Context, fn func(Document) error, left leftOut) error {
	return g.walk(ctx, g.root, false, fn, left)
}

// walk visits a directory; inside one that is skipped it only counts.
func (g *goSource) walk(ctx context.Context, root string, skipped bool, fn func(Document) error, left leftOut) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return errorf(ErrNotFound, path, "cannot read the Go source").cause(err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.IsDir() {
			if !skipped && path != root && skipGoDir(d.Name()) {
				if err := g.walk(ctx, path, true, fn, left); err != nil {
					return err
				}
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		isGo := filepath.Ext(path) == ".go"
		if isGo && !skipped {
			return g.file(path, fn, left)
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		} else if err != nil {
			return errorf(ErrNotFound, path, "cannot read the Go source").cause(err)
		}
		reason := notGo
		if isGo {
			reason = outside
		}
		left(reason, path, info.Size())
		return nil
	})
}

func skipGoDir(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, "_") || strings.HasPrefix(name, ".")
}

func (g *goSource) file(path string, fn func(Document) error, left leftOut) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return errorf(ErrNotFound, path, "cannot read the Go source").cause(err)
	}
	if isGenerated(text) || len(text) > maxDocument { // nobody wrote that much by hand
		left(generated, path, int64(len(text)))
		return nil
	}
	body := code(text, cStyle, path, left)
	if len(body) == 0 {
		return nil
	}
	rel, err := filepath.Rel(g.root, path)
	if err != nil {
		rel = path
	}
	return fn(Document{Name: filepath.ToSlash(rel), Text: body})
}
