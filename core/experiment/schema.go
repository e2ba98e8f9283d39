package experiment

import (
	"encoding/json"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// Schema answers the JSON Schema (draft 2020-12) of experiment files, made from the same tags that decode them. Editors
// use it for completion and hover texts.
func Schema() json.RawMessage {
	s := schemaOf(reflect.TypeFor[Experiment](), field{})
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "archlab experiment"
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil // maps of strings, numbers and bools always marshal
	}
	return append(data, '\n')
}

type schema = map[string]any

func schemaOf(t reflect.Type, f field) schema {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	s := schema{}
	switch {
	case t == reflect.TypeFor[Object]():
		s["type"] = "object"
	case t == reflect.TypeFor[Duration]():
		s["anyOf"] = []schema{ranged(schema{"type": "number"}, f), {"type": "string", "pattern": `^[0-9.]+(ns|us|ms|s|m|h)([0-9.]+(ns|us|ms|s|m|h))*$`}}
	case t.Kind() == reflect.Struct:
		s = objectSchema(t)
		if t == reflect.TypeFor[Task]() {
			s = taskSchema(s)
		}
		if f.or != "" {
			s = schema{"anyOf": []schema{s, short(t, f.or)}}
		}
	case t.Kind() == reflect.Slice:
		s["type"] = "array"
		s["items"] = schemaOf(t.Elem(), f.element())
		if f.min != nil {
			s["minItems"] = *f.min
		}
		if f.max != nil {
			s["maxItems"] = *f.max
		}
	case t.Kind() == reflect.String:
		s["type"] = "string"
		if len(f.enum) > 0 {
			s["enum"] = f.enum
		}
	case t.Kind() == reflect.Bool:
		s["type"] = "boolean"
	default:
		kind := "integer"
		if t.Kind() == reflect.Float64 {
			kind = "number"
		}
		number := ranged(schema{"type": kind}, f)
		if t.Kind() == reflect.Uint64 {
			number["minimum"] = 0
		}
		s = number
		if f.unit != "" {
			s = schema{"anyOf": []schema{number, {"type": "string", "pattern": unitPattern(f.unit)}}}
		}
	}
	if f.doc != "" {
		s["description"] = f.doc
	}
	if f.def != "" {
		var v any
		if err := yaml.Unmarshal([]byte(f.def), &v); err == nil {
			s["default"] = v
		}
	}
	return s
}

// short is the schema of the plain value that a mapping may be written as.
func short(t reflect.Type, key string) schema {
	for _, f := range fieldsOf(t) {
		if f.key == key {
			return schemaOf(t.Field(f.index).Type, f)
		}
	}
	return schema{}
}

// objectSchema lists the keys of a struct; no others are allowed.
func objectSchema(t reflect.Type) schema {
	props := schema{}
	var required []string
	for _, f := range fieldsOf(t) {
		props[f.key] = schemaOf(t.Field(f.index).Type, f)
		if f.required {
			required = append(required, f.key)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func ranged(s schema, f field) schema {
	if f.min != nil {
		s["minimum"] = *f.min
	}
	if f.max != nil {
		s["maximum"] = *f.max
	}
	if f.over != nil {
		s["exclusiveMinimum"] = *f.over
	}
	return s
}

// unitPattern matches what parseNumber takes as text.
func unitPattern(unit string) string {
	var alts []string
	for _, x := range suffixes[unit] {
		alts = append(alts, x.text)
	}
	return `^[0-9][0-9_]*(\.[0-9]+)?([eE][+-]?[0-9]+)? *(` + strings.Join(alts, "|") + `)?$`
}
