package experiment

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// File is an experiment with what is needed to point at its keys.
type File struct {
	Path string // as given
	Experiment
	dec *decoder
}

// Read reads an experiment file and applies overrides, each "path=value". What is wrong comes as Problems, all of it.
// The File is there even then, as far as it could be read.
func Read(path string, sets []string) (*File, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read experiment: %w", err)
	}
	return Parse(path, data, sets)
}

// Parse is Read for content that is at hand; path names it in errors and is what relative paths in it are relative to.
func Parse(path string, data []byte, sets []string) (*File, error) {
	d := &decoder{file: path, at: map[string]*yaml.Node{}, origin: map[*yaml.Node]string{}}
	f := &File{Path: path, dec: d}
	root := d.parse(bytes.NewReader(data))
	if root == nil {
		return f, d.problems
	}
	return f, f.fill(root, sets)
}

// fill decodes the tree of an experiment after applying overrides.
func (f *File) fill(root *yaml.Node, sets []string) error {
	d := f.dec
	for _, s := range sets {
		d.override(root, s)
	}
	d.value(root, reflect.ValueOf(&f.Experiment).Elem(), field{}, "")
	d.check(&f.Experiment)
	if len(d.problems) > 0 {
		return d.problems.sorted()
	}
	return nil
}

// Problem makes an error that points at a key path of the file, or at the nearest enclosing key that is in it.
func (f *File) Problem(path, format string, args ...any) Problem {
	d := &decoder{file: f.dec.file, at: f.dec.at, origin: f.dec.origin}
	d.checkf(path, "", format, args...)
	return d.problems[0]
}

// Join makes one error of what was found in several places: all problems in the order of the file, a *MatchError among them
// as the problem of its key; alone it stays as it is. The first error of another kind comes before them. Nil errors are
// left out.
func (f *File) Join(errs ...error) error {
	var all Problems
	var mismatch *MatchError
	for _, err := range errs {
		if err == nil {
			continue
		}
		if ps, ok := IsProblems(err); ok {
			all = append(all, ps...)
		} else if !errors.As(err, &mismatch) {
			return err
		}
	}
	switch {
	case mismatch != nil && len(all) == 0:
		return mismatch
	case mismatch != nil:
		all = append(all, f.Problem("match", "%s", strings.TrimPrefix(mismatch.Error(), "match: ")))
	case len(all) == 0:
		return nil
	}
	return all.sorted()
}

// told answers whether reading the file found a problem at a key path or below it.
func (f *File) told(path string) bool {
	return slices.ContainsFunc(f.dec.problems, func(p Problem) bool {
		rest, ok := strings.CutPrefix(p.Path, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Sound answers whether nothing is known to be wrong with the config of model i, so that its family can be asked.
func (f *File) Sound(i int) bool { return !f.told(fmt.Sprintf("models[%d].config", i)) }

// Resolve answers a path of the file as it is from the working directory: relative paths are relative to the file.
func (f *File) Resolve(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(f.Path), path)
}

// IsProblems answers whether err is about the content of a file rather than about reaching it.
func IsProblems(err error) (Problems, bool) {
	var ps Problems
	if errors.As(err, &ps) {
		return ps, true
	}
	var p Problem
	if errors.As(err, &p) {
		return Problems{p}, true
	}
	return nil, false
}
