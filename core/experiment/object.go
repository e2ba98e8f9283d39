package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Object is a mapping whose keys belong to somebody else: a family's or a task's own settings, kept as written so that
// errors can point into the file. The zero Object is empty.
type Object struct {
	node   *yaml.Node
	origin string // of a --set, else empty
}

// JSON answers the object with its keys in the order of the file. An empty one is {}.
func (o Object) JSON() (json.RawMessage, error) {
	if o.node == nil {
		return json.RawMessage("{}"), nil
	}
	var buf bytes.Buffer
	if err := nodeJSON(&buf, o.node, 0); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// MarshalJSON makes the object part of a JSON resolution.
func (o Object) MarshalJSON() ([]byte, error) { return o.JSON() }

// With answers a copy with one top-level key set to an integer.
func (o Object) With(key string, value int) Object {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	if o.node != nil {
		c := *o.node
		c.Content = append([]*yaml.Node(nil), o.node.Content...)
		n = &c
	}
	v := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(value)}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = v
			return Object{node: n, origin: o.origin}
		}
	}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, v)
	return Object{node: n, origin: o.origin}
}

// Int answers a top-level key that holds an integer.
func (o Object) Int(key string) (int, bool) {
	if v := lookup(o.node, key); v != nil && v.Kind == yaml.ScalarNode {
		i, err := strconv.Atoi(v.Value)
		return i, err == nil
	}
	return 0, false
}

// lookup answers the value of a key of a mapping, or nil.
func lookup(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// maxDepth bounds nesting, which also ends aliases that contain themselves.
const maxDepth = 64

// nodeJSON writes a YAML value as JSON.
func nodeJSON(buf *bytes.Buffer, n *yaml.Node, depth int) error {
	if depth > maxDepth || buf.Len() > 1<<20 {
		return fmt.Errorf("nested too deeply or too large")
	}
	switch n.Kind {
	case yaml.MappingNode:
		buf.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				buf.WriteByte(',')
			}
			key, err := json.Marshal(n.Content[i].Value)
			if err != nil {
				return err
			}
			buf.Write(key)
			buf.WriteByte(':')
			if err := nodeJSON(buf, n.Content[i+1], depth+1); err != nil {
				return err
			}
		}
		buf.WriteByte('}')
	case yaml.SequenceNode:
		buf.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				buf.WriteByte(',')
			}
			if err := nodeJSON(buf, c, depth+1); err != nil {
				return err
			}
		}
		buf.WriteByte(']')
	default:
		v, err := scalarValue(n)
		if err != nil {
			return err
		}
		data, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%s has no form in JSON", n.Value)
		}
		buf.Write(data)
	}
	return nil
}

// scalarValue answers a scalar as nil, bool, int64, float64 or string, by YAML's core rules.
func scalarValue(n *yaml.Node) (any, error) {
	var v any
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool", "!!int", "!!float":
		if err := n.Decode(&v); err != nil {
			return nil, fmt.Errorf("cannot read %s", n.Value)
		}
		return v, nil
	}
	return n.Value, nil
}
