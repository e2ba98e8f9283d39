package experiment

import (
	"bytes"
	"reflect"

	"gopkg.in/yaml.v3"
)

// Document is a strict YAML file of another kind than an experiment, whose keys the struct tags of its Go type describe as
// those of config.go do. It may hold experiments as Objects.
type Document struct {
	file string
	kind string
	dec  *decoder
}

// Decode reads a document, "a card" say, into a pointer to its struct. What is wrong comes as Problems, all of it; the
// Document is there even then.
func Decode(path, kind string, data []byte, into any) (*Document, error) {
	d := &decoder{file: path, kind: kind, at: map[string]*yaml.Node{}, origin: map[*yaml.Node]string{}}
	doc := &Document{file: path, kind: kind, dec: d}
	root := d.parse(bytes.NewReader(data))
	if root == nil {
		return doc, d.problems
	}
	d.value(root, reflect.ValueOf(into).Elem(), field{}, "")
	if len(d.problems) > 0 {
		return doc, d.problems.sorted()
	}
	return doc, nil
}

// Problem makes an error that points at a key path of the document, or at the nearest enclosing key that is in it.
func (doc *Document) Problem(path, format string, args ...any) Problem {
	d := &decoder{file: doc.file, at: doc.dec.at, origin: doc.dec.origin}
	d.checkf(path, "", format, args...)
	return d.problems[0]
}

// Experiment reads an Object of the document as an experiment of its own, with overrides. Problems point into the
// document; relative paths are relative to it.
func (doc *Document) Experiment(o Object, sets []string) (*File, error) {
	d := &decoder{file: doc.file, at: map[string]*yaml.Node{}, origin: map[*yaml.Node]string{}}
	f := &File{Path: doc.file, dec: d}
	if o.node == nil {
		d.problem(nil, "", "", "there is no experiment")
		return f, d.problems
	}
	// A copy: overrides of one experiment must not reach another of the same object.
	root, ok := d.expand(o.node, 0)
	if !ok {
		d.problem(o.node, "", "", "the experiment has more than %d values or %d levels", maxNodes, maxDepth)
		return f, d.problems
	}
	return f, f.fill(root, sets)
}

// Path is the file as given to Decode.
func (doc *Document) Path() string { return doc.file }

// HasKeys answers whether data is a YAML mapping with all the given keys at its top, whatever else is wrong with it.
func HasKeys(data []byte, keys ...string) bool {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 {
		return false
	}
	for _, k := range keys {
		if lookup(doc.Content[0], k) == nil {
			return false
		}
	}
	return true
}
