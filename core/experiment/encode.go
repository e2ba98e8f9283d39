package experiment

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strconv"

	"gopkg.in/yaml.v3"
)

// YAML writes the experiment with every default in its place, so that it reads back as the same experiment.
func (e *Experiment) YAML() ([]byte, error) {
	var buf bytes.Buffer
	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)
	if err := enc.Encode(encode(reflect.ValueOf(e).Elem(), field{})); err != nil {
		return nil, err
	}
	return buf.Bytes(), enc.Close()
}

// JSON writes the same as one JSON object; numbers are plain, durations in seconds.
func (e *Experiment) JSON() (json.RawMessage, error) {
	return json.Marshal(plain(reflect.ValueOf(e).Elem()))
}

// encode makes the node of a value.
func encode(v reflect.Value, f field) *yaml.Node {
	scalar := func(tag, s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: s} }
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case Object:
		if x.node == nil {
			return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: yaml.FlowStyle}
		}
		return bare(x.node)
	case Duration:
		return scalar("", x.String())
	}
	switch v.Kind() {
	case reflect.Struct:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		for _, g := range fieldsOf(v.Type()) {
			c := v.Field(g.index)
			if absent(c, g) {
				continue
			}
			n.Content = append(n.Content, scalar("!!str", g.key), encode(c, g))
		}
		if t, ok := v.Interface().(Task); ok {
			n.Content = append(n.Content, t.encode()...)
		}
		return n
	case reflect.Slice:
		n := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for i := range v.Len() {
			n.Content = append(n.Content, encode(v.Index(i), f.element()))
		}
		if v.Len() > 0 && v.Index(0).Kind() != reflect.Struct {
			n.Style = yaml.FlowStyle
		}
		return n
	case reflect.String:
		return scalar("!!str", v.String())
	case reflect.Bool:
		return scalar("!!bool", strconv.FormatBool(v.Bool()))
	case reflect.Uint64:
		return scalar("!!int", strconv.FormatUint(v.Uint(), 10))
	case reflect.Float64:
		return scalar("", formatNumber(v.Float(), f.unit))
	}
	return scalar("", formatNumber(float64(v.Int()), f.unit))
}

// absent answers whether a field says nothing: an optional one that is zero. A mapping of settings always says something,
// since zero may not be its fields' default, unless what it is named by is empty.
func absent(v reflect.Value, f field) bool {
	if v.Kind() != reflect.Struct || v.Type() == reflect.TypeFor[Object]() {
		return f.optional() && v.IsZero()
	}
	for _, g := range fieldsOf(v.Type()) {
		if f.or != "" && g.key == f.or {
			return v.Field(g.index).IsZero()
		}
	}
	return false
}

// bare copies a node without what it was surrounded by in its file.
func bare(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style &^ (yaml.FoldedStyle | yaml.LiteralStyle)}
	for _, x := range n.Content {
		c.Content = append(c.Content, bare(x))
	}
	return c
}

// plain makes what encoding/json understands.
func plain(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case Object:
		return x
	case Duration:
		return x.Seconds()
	}
	switch v.Kind() {
	case reflect.Struct:
		out := map[string]any{}
		for _, g := range fieldsOf(v.Type()) {
			c := v.Field(g.index)
			switch {
			case absent(c, g):
			default:
				out[g.key] = plain(c)
			}
		}
		if t, ok := v.Interface().(Task); ok {
			maps.Copy(out, t.plain())
		}
		return out
	case reflect.Slice:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = plain(v.Index(i))
		}
		return out
	}
	return v.Interface()
}
