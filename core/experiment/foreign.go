package experiment

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// jsonSchema is the part of JSON Schema that families and tasks describe their settings with.
type jsonSchema struct {
	Type                 any                    `json:"type"`
	Properties           map[string]*jsonSchema `json:"properties"`
	Required             []string               `json:"required"`
	AdditionalProperties any                    `json:"additionalProperties"`
	Items                *jsonSchema            `json:"items"`
	Enum                 []any                  `json:"enum"`
	Minimum              *float64               `json:"minimum"`
	Maximum              *float64               `json:"maximum"`
	ExclusiveMinimum     *float64               `json:"exclusiveMinimum"`
	ExclusiveMaximum     *float64               `json:"exclusiveMaximum"`
	MinItems             *int                   `json:"minItems"`
	MaxItems             *int                   `json:"maxItems"`
}

// CheckModel holds the config of model i against its family's schema and answers every problem, at the line of its key.
// Keywords of the schema that are not understood are ignored: Build has the last word.
func (f *File) CheckModel(i int, raw json.RawMessage) Problems {
	return f.checkForeign(fmt.Sprintf("models[%d].config", i), f.Models[i].Config, raw)
}

func (f *File) checkForeign(path string, o Object, raw json.RawMessage) Problems {
	var s jsonSchema
	if err := json.Unmarshal(raw, &s); err != nil {
		return Problems{f.Problem(path, "its JSON Schema cannot be read: %v", err)}
	}
	d := &decoder{file: f.dec.file, at: f.dec.at, origin: f.dec.origin}
	n := o.node
	if n == nil {
		n = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	}
	d.bySchema(n, &s, path)
	return d.problems.sorted()
}

// bySchema checks one value.
func (d *decoder) bySchema(n *yaml.Node, s *jsonSchema, path string) {
	if !d.typeOK(n, s, path) {
		return
	}
	if len(s.Enum) > 0 {
		var names []string
		ok := false
		for _, e := range s.Enum {
			name := fmt.Sprint(e)
			names = append(names, name)
			ok = ok || name == n.Value
		}
		if !ok {
			d.problem(n, path, meant(n.Value, names), "got %s, want %s", describe(n), oneOf(names))
			return
		}
	}
	switch n.Kind {
	case yaml.MappingNode:
		d.properties(n, s, path)
	case yaml.SequenceNode:
		if s.MinItems != nil && len(n.Content) < *s.MinItems {
			d.problem(n, path, "", "got %d items, want at least %d", len(n.Content), *s.MinItems)
		}
		if s.MaxItems != nil && len(n.Content) > *s.MaxItems {
			d.problem(n, path, "", "got %d items, want at most %d", len(n.Content), *s.MaxItems)
		}
		for i, c := range n.Content {
			if s.Items != nil {
				d.bySchema(c, s.Items, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	default:
		x, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || n.ShortTag() == "!!str" {
			return
		}
		f := field{min: s.Minimum, max: s.Maximum, over: s.ExclusiveMinimum}
		if d.inRange(n, x, n.Value, f, path) && s.ExclusiveMaximum != nil && x >= *s.ExclusiveMaximum {
			d.problem(n, path, "", "got %s, want less than %s", n.Value, formatNumber(*s.ExclusiveMaximum, ""))
		}
	}
}

// properties checks the keys of a mapping and their values.
func (d *decoder) properties(n *yaml.Node, s *jsonSchema, path string) {
	names := make([]string, 0, len(s.Properties))
	for k := range s.Properties {
		names = append(names, k)
	}
	sort.Strings(names)
	open := s.AdditionalProperties != false
	given := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		given[k.Value] = true
		if p, ok := s.Properties[k.Value]; ok {
			d.bySchema(v, p, join(path, k.Value))
			continue
		}
		if !open {
			hint := "known keys: " + strings.Join(names, ", ")
			if m := meant(k.Value, names); m != "" {
				hint = m
			}
			d.problem(k, join(path, k.Value), hint, "unknown key")
		}
	}
	for _, r := range s.Required {
		if !given[r] {
			d.checkf(path, "", "missing key %q", r)
		}
	}
}

// typeOK checks a value against the schema's type, which may be one name or a list of them.
func (d *decoder) typeOK(n *yaml.Node, s *jsonSchema, path string) bool {
	var types []string
	switch t := s.Type.(type) {
	case string:
		types = []string{t}
	case []any:
		for _, x := range t {
			types = append(types, fmt.Sprint(x))
		}
	default:
		return true
	}
	words := make([]string, len(types))
	for i, t := range types {
		if isType(n, t) {
			return true
		}
		words[i] = typeWords[t]
	}
	hint := ""
	if contains(types, "string") && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		hint = fmt.Sprintf("write %q in quotes if it is meant as text", n.Value)
	}
	d.problem(n, path, hint, "got %s, want %s", describe(n), strings.Join(words, " or "))
	return false
}

var typeWords = map[string]string{"object": "a mapping", "array": "a list", "string": "text", "boolean": "true or false",
	"integer": "a whole number", "number": "a number", "null": "nothing"}

func isType(n *yaml.Node, t string) bool {
	switch n.Kind {
	case yaml.MappingNode:
		return t == "object"
	case yaml.SequenceNode:
		return t == "array"
	}
	switch n.ShortTag() {
	case "!!null":
		return t == "null"
	case "!!bool":
		return t == "boolean"
	case "!!int":
		return t == "integer" || t == "number"
	case "!!float":
		x, err := strconv.ParseFloat(n.Value, 64)
		return t == "number" || t == "integer" && err == nil && x == math.Trunc(x)
	}
	return t == "string"
}
