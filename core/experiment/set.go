package experiment

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// override applies one --set, "path=value", to the tree before it is decoded, so that values of either origin meet the
// same checks. A path's steps are keys, indices in brackets, or, in a list of named mappings, names:
// models[0].config.width=64 and models.mamba.config.width=64.
func (d *decoder) override(root *yaml.Node, set string) {
	origin := "--set " + set
	fail := func(format string, args ...any) {
		d.problems = append(d.problems, Problem{File: origin, Message: fmt.Sprintf(format, args...)})
	}
	path, text, ok := strings.Cut(set, "=")
	if !ok || path == "" {
		fail("want path=value, e.g. train.batch=8")
		return
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) != 1 {
		if text == "" {
			fail("the value is empty")
			return
		}
		fail("the value is not valid YAML")
		return
	}
	value := doc.Content[0]
	value, ok = d.expand(value, 0)
	if !ok {
		fail("the value is too large")
		return
	}
	d.mark(value, origin)
	steps, err := splitPath(path)
	if err == nil {
		err = d.put(root, steps, value, origin)
	}
	if err != nil {
		fail("%v", err)
	}
}

// mark notes where a tree of nodes came from.
func (d *decoder) mark(n *yaml.Node, origin string) {
	d.origin[n] = origin
	for _, c := range n.Content {
		d.mark(c, origin)
	}
}

// splitPath turns "models[0].config.width" into its steps.
func splitPath(path string) ([]string, error) {
	path = strings.ReplaceAll(path, "[", ".[")
	steps := strings.Split(strings.TrimPrefix(path, "."), ".")
	for _, s := range steps {
		if s == "" || strings.HasPrefix(s, "[") != strings.HasSuffix(s, "]") {
			return nil, fmt.Errorf("path %q: want keys and indices, e.g. models[0].config.width", path)
		}
	}
	return steps, nil
}

// put sets the value at the end of steps, making mappings on the way.
func (d *decoder) put(n *yaml.Node, steps []string, value *yaml.Node, origin string) error {
	step, last := steps[0], len(steps) == 1
	switch n.Kind {
	case yaml.SequenceNode:
		i, err := item(n, step)
		if err != nil {
			return err
		}
		if last {
			n.Content[i] = value
			return nil
		}
		return d.put(n.Content[i], steps[1:], value, origin)
	case yaml.MappingNode:
		if strings.HasPrefix(step, "[") {
			return fmt.Errorf("%s: not a list", step)
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value != step {
				continue
			}
			old := n.Content[i+1]
			if last {
				n.Content[i+1] = value
				return nil
			}
			if short := shortForms(reflect.TypeFor[Experiment]())[step]; short != "" && old.Kind == yaml.ScalarNode {
				// "tokenizer: bytes" is {kind: bytes}
				name := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: short, Line: old.Line, Column: old.Column}
				old = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{name, old}, Line: old.Line, Column: old.Column}
				n.Content[i+1] = old
			}
			return d.put(old, steps[1:], value, origin)
		}
		key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: step}
		d.origin[key] = origin
		if last {
			n.Content = append(n.Content, key, value)
			return nil
		}
		next := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		d.origin[next] = origin
		n.Content = append(n.Content, key, next)
		return d.put(next, steps[1:], value, origin)
	}
	return errors.New("the path leads through a plain value")
}

// item finds a list's item by index or by its name.
func item(n *yaml.Node, step string) (int, error) {
	text := strings.TrimSuffix(strings.TrimPrefix(step, "["), "]")
	if i, err := strconv.Atoi(text); err == nil {
		if i < 0 || i >= len(n.Content) {
			return 0, fmt.Errorf("%s: the list has %d items, counted from 0", step, len(n.Content))
		}
		return i, nil
	}
	var names []string
	for i, c := range n.Content {
		name := lookup(c, "name")
		if name == nil {
			name = lookup(c, "family")
		}
		if name == nil {
			continue
		}
		if name.Value == step {
			return i, nil
		}
		names = append(names, name.Value)
	}
	if len(names) == 0 {
		return 0, fmt.Errorf("%s: want an index, e.g. [0]", step)
	}
	return 0, fmt.Errorf("%s: no item of that name; there are %s", step, strings.Join(names, ", "))
}
