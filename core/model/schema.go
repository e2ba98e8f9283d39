package model

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// field is one key of a config struct. Embedded structs lend their fields to the struct around them, as in encoding/json.
type field struct {
	key      string
	index    []int
	typ      reflect.Type
	doc      string
	min, max float64
	enum     []string
	bad      error // a tag that cannot be read
}

func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		f := t.Field(i)
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && key == "" && f.Type.Kind() == reflect.Struct {
			for _, in := range fieldsOf(f.Type) {
				in.index = append([]int{i}, in.index...)
				list = append(list, in)
			}
			continue
		}
		if !f.IsExported() || key == "-" {
			continue
		}
		if key == "" {
			key = f.Name
		}
		x := field{key: key, index: []int{i}, typ: f.Type, doc: f.Tag.Get("doc"), min: math.Inf(-1), max: math.Inf(1)}
		x.limit(&x.min, f.Tag, "min")
		x.limit(&x.max, f.Tag, "max")
		if s, ok := f.Tag.Lookup("enum"); ok {
			x.enum = strings.Split(s, ",")
		}
		list = append(list, x)
	}
	return list
}

func (x *field) limit(to *float64, tag reflect.StructTag, name string) {
	s, ok := tag.Lookup(name)
	if !ok {
		return
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		x.bad = fmt.Errorf("config field %s: tag %s:%q is not a number", x.key, name, s)
		return
	}
	*to = n
}

func find(fields []field, key string) (field, bool) {
	for _, f := range fields {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// wanted says in words what values of a type look like.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Struct:
		return "an object"
	case reflect.Slice:
		return "a list"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "an integer"
}

// Schema answers a JSON Schema (draft 2020-12) of a config struct that holds the defaults.
func Schema(config any) (json.RawMessage, error) { return schemaWith(config, nil, nil, "") }

func schemaWith(config any, presets, examples []string, plain string) (json.RawMessage, error) {
	v := reflect.ValueOf(config)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	s, err := objectSchema(v)
	if err != nil {
		return nil, err
	}
	if len(presets) > 0 {
		p := property{"type": "string", "enum": presets, "description": "a named config to start from; other keys change it"}
		s.Properties = append(ordered{{"preset", p}}, s.Properties...)
	}
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	for _, x := range examples {
		s.Examples = append(s.Examples, json.RawMessage(x))
	}
	s.Plain = json.RawMessage(plain)
	return json.Marshal(s)
}

type object struct {
	Schema      string            `json:"$schema,omitempty"`
	Type        string            `json:"type"`
	Description string            `json:"description,omitempty"`
	Properties  ordered           `json:"properties"`
	Additional  bool              `json:"additionalProperties"`
	Examples    []json.RawMessage `json:"examples,omitempty"`
	Plain       json.RawMessage   `json:"x-archlab-plain,omitempty"`
}

type property map[string]any

// ordered is a JSON object that keeps the order of its keys.
type ordered []pair

type pair struct {
	key   string
	value any
}

// MarshalJSON writes the pairs in order.
func (o ordered) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, p := range o {
		if i > 0 {
			out = append(out, ',')
		}
		k, err := json.Marshal(p.key)
		if err != nil {
			return nil, err
		}
		v, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		out = append(append(append(out, k...), ':'), v...)
	}
	return append(out, '}'), nil
}

func objectSchema(v reflect.Value) (object, error) {
	s := object{Type: "object", Properties: ordered{}}
	for _, f := range fieldsOf(v.Type()) {
		x, err := f.schema(v.FieldByIndex(f.index))
		if err != nil {
			return s, err
		}
		s.Properties = append(s.Properties, pair{f.key, x})
	}
	return s, nil
}

func (f field) schema(v reflect.Value) (any, error) {
	if f.bad != nil {
		return nil, f.bad
	}
	if f.typ.Kind() == reflect.Struct {
		s, err := objectSchema(v)
		s.Description = f.doc
		return s, err
	}
	p := typeSchema(f.typ)
	if f.doc != "" {
		p["description"] = f.doc
	}
	p["default"] = v.Interface()
	if v.Kind() == reflect.Slice && v.IsNil() {
		p["default"] = []int{}
	}
	if !math.IsInf(f.min, 0) {
		p["minimum"] = f.min
	}
	if !math.IsInf(f.max, 0) {
		p["maximum"] = f.max
	}
	if len(f.enum) > 0 {
		p["enum"] = f.enum
	}
	return p, nil
}

func typeSchema(t reflect.Type) property {
	switch t.Kind() {
	case reflect.Bool:
		return property{"type": "boolean"}
	case reflect.String:
		return property{"type": "string"}
	case reflect.Float32, reflect.Float64:
		return property{"type": "number"}
	case reflect.Slice:
		return property{"type": "array", "items": typeSchema(t.Elem())}
	}
	return property{"type": "integer"}
}

// fillLists makes lists that are nil empty, so that they are written as lists.
func fillLists(v reflect.Value) {
	for _, f := range fieldsOf(v.Type()) {
		switch x := v.FieldByIndex(f.index); {
		case x.Kind() == reflect.Struct:
			fillLists(x)
		case x.Kind() == reflect.Slice && x.IsNil():
			x.Set(reflect.MakeSlice(x.Type(), 0, 0))
		}
	}
}
