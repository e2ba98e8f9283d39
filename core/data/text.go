package data

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// textSource streams local files in lexical order of their relative names.
type textSource struct {
	files    []textFile
	fields   fields // of JSON lines and Parquet
	piece    int    // bytes; 0 = whole files
	explicit bool   // the path names one file: what a directory walk would skip is an error
}

type textFile struct{ path, name string }

const binaryFiles = "binary"

func (t *textSource) reasons() []string { return []string{emptyFiles, binaryFiles} }

func newTextSource(cfg CorpusConfig) (*textSource, error) {
	t := &textSource{}
	if cfg.Path == "" {
		return nil, errorf(ErrConfig, "path", "a corpus of kind text needs a file, a directory or a pattern").
			hint("set path, for example \"notes/*.txt\"")
	}
	info, err := os.Stat(cfg.Path)
	switch {
	case err == nil && info.IsDir():
		err = t.addDir(cfg.Path, "")
	case err == nil:
		t.files = []textFile{{cfg.Path, filepath.Base(cfg.Path)}}
		t.explicit = true
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(cfg.Path, "*?["):
		err = t.addPattern(cfg.Path)
	case errors.Is(err, fs.ErrNotExist):
		return nil, errorf(ErrNotFound, cfg.Path, "no such file or directory").
			hint("paths are relative to the working directory; a pattern needs *, ? or [")
	default:
		return nil, errorf(ErrNotFound, cfg.Path, "cannot read").cause(err)
	}
	if err != nil {
		return nil, err
	}
	sort.Slice(t.files, func(i, j int) bool { return t.files[i].name < t.files[j].name })
	if len(t.files) == 0 {
		return nil, errorf(ErrEmpty, cfg.Path, "no files, expected text, .jsonl or .parquet, also in .gz or .zst").
			hint("hidden files and directories are not read")
	}
	return t, t.configure(cfg)
}

// textSourceOf reads given files.
func textSourceOf(files []textFile, cfg CorpusConfig) (*textSource, error) {
	t := &textSource{files: files, explicit: true}
	return t, t.configure(cfg)
}

// configure takes over what does not depend on where the files are.
func (t *textSource) configure(cfg CorpusConfig) (err error) {
	t.fields, t.piece = fields{cfg.Field, cfg.ID}, cfg.DocumentBytes
	if t.fields.text == "" {
		t.fields.text = "text"
	}
	if t.piece > maxDocument {
		return errorf(ErrConfig, "document_bytes", "got %d, want at most %d", t.piece, maxDocument)
	}
	switch {
	case t.piece < 0:
		t.piece = 0
	case t.piece == 0:
		t.piece, err = t.defaultPiece()
	}
	return err
}

const (
	largestPiece  = 8192
	smallestPiece = 256
	enoughPieces  = 128
)

// defaultPiece is small enough for a corpus of few or small files to have about enoughPieces documents: with fewer, a split of one in
// twenty is likely to be empty.
func (t *textSource) defaultPiece() (int, error) {
	if len(t.files) >= enoughPieces {
		return largestPiece, nil
	}
	var total int64
	for _, f := range t.files {
		info, err := os.Stat(f.path)
		if err != nil {
			return 0, errorf(ErrNotFound, f.path, "cannot read").cause(err)
		}
		total += info.Size()
	}
	return int(min(largestPiece, max(smallestPiece, total/enoughPieces))), nil
}

// addDir adds every regular file below dir whose path has no hidden element.
func (t *textSource) addDir(dir, prefix string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return errorf(ErrNotFound, path, "cannot read the directory").cause(err)
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return errorf(ErrNotFound, path, "not below %s", dir).cause(err)
		}
		t.files = append(t.files, textFile{path, filepath.ToSlash(filepath.Join(prefix, rel))})
		return nil
	})
}

func (t *textSource) addPattern(pattern string) error {
	matches, err := filepath.Glob(pattern)
	if err != nil {
		return errorf(ErrConfig, pattern, "not a pattern").cause(err).hint("*, ? and [a-z] match within one path element; ** is not supported")
	}
	if len(matches) == 0 {
		return errorf(ErrNotFound, pattern, "no file matches").hint("* matches within one path element; ** is not supported")
	}
	// Names are relative to the part of the pattern that is fixed, so that moving the whole tree changes nothing.
	base := pattern
	for strings.ContainsAny(base, "*?[") {
		base = filepath.Dir(base)
	}
	for _, m := range matches {
		info, err := os.Stat(m)
		if err != nil {
			return errorf(ErrNotFound, m, "cannot read").cause(err)
		}
		rel, err := filepath.Rel(base, m)
		if err != nil {
			rel = m
		}
		if info.IsDir() {
			if err := t.addDir(m, rel); err != nil {
				return err
			}
		} else if info.Mode().IsRegular() {
			t.files = append(t.files, textFile{m, filepath.ToSlash(rel)})
		}
	}
	return nil
}

func (t *textSource) each(ctx context.Context, fn func(Document) error, left leftOut) error {
	for _, f := range t.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.file(ctx, f, fn, left); err != nil {
			return err
		}
	}
	return nil
}

func (t *textSource) file(ctx context.Context, f textFile, fn func(Document) error, left leftOut) error {
	r, kind, err := openText(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case kind == jsonlFile:
		return eachJSONL(ctx, r, f, t.fields, fn)
	case kind == parquetFile && strings.HasSuffix(strings.ToLower(f.path), ".parquet"):
		return eachParquet(ctx, f, t.fields, fn, left)
	case kind == parquetFile:
		return eachPackedParquet(ctx, r, f, t.fields, fn, left)
	}
	n := int64(0)
	head, err := r.Peek(8000)
	if err != nil && err != io.EOF {
		return readError(f.path, err)
	}
	switch i := bytes.IndexByte(head, 0); {
	case i >= 0 && t.explicit:
		return errorf(ErrFormat, f.path, "binary file (a zero byte at offset %d), expected text in UTF-8", i)
	case i >= 0:
		left(binaryFiles, f.name, sizeOf(f.path))
		return nil
	}
	err = eachPiece(ctx, r, f, t.piece, func(d Document) error {
		n += int64(len(d.Text))
		return fn(d)
	})
	if err == nil && n == 0 {
		if t.explicit {
			return errorf(ErrEmpty, f.path, "the file is empty, expected text")
		}
		left(emptyFiles, f.name, sizeOf(f.path))
	}
	return err
}

// sizeOf is for reports: a file that has just vanished counts as empty.
func sizeOf(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
