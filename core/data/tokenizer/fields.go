package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// fields are an object of a tokenizer.json being read. The first thing that is wrong is kept, by the name of its field; a field that
// nobody asked for is wrong too.
type fields struct {
	where string // the object's name, e.g. "normalizer.normalizers[1]"
	raw   map[string]json.RawMessage
	asked map[string]bool
	err   error
}

// object begins to read an object, of JSON that is valid.
func object(where string, raw json.RawMessage) *fields {
	f := &fields{where: where, asked: map[string]bool{}}
	var ok bool
	if f.raw, ok = members(raw); !ok {
		f.err = errorf(ErrFormat, where, "want an object, got %s", excerpt(raw))
	}
	return f
}

func excerpt(raw []byte) string {
	s := string(bytes.TrimSpace(raw))
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + " ..."
	}
	if s == "" {
		return "nothing"
	}
	return s
}

// name is the full name of a field.
func (f *fields) name(key string) string {
	if f.where == "" {
		return key
	}
	return f.where + "." + key
}

func (f *fields) fail(kind error, key, format string, args ...any) {
	if f.err == nil {
		f.err = errorf(kind, f.name(key), format, args...)
	}
}

// has says whether a field is there and not null.
func (f *fields) has(key string) bool {
	f.asked[key] = true
	raw, ok := f.raw[key]
	return ok && !isNull(raw)
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// want reads a field that must be there.
func want[T any](f *fields, key string) (v T) {
	f.asked[key] = true
	raw, ok := f.raw[key]
	if !ok {
		f.fail(ErrFormat, key, "missing")
		return v
	}
	if isNull(raw) {
		f.fail(ErrFormat, key, "want %s, got null", kindOf(v))
		return v
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		f.fail(ErrFormat, key, "want %s, got %s", kindOf(v), excerpt(raw))
	}
	return v
}

// vocab is want of an object of ids.
func (f *fields) vocab(key string) map[string]int32 {
	v, name, wrong := vocabOf(f.raw[key])
	switch {
	case v != nil:
		f.asked[key] = true
	case wrong != nil:
		f.asked[key] = true
		f.fail(ErrFormat, fmt.Sprintf("%s[%s]", key, excerpt(strconv.AppendQuote(nil, name))), "got %s, want an integer from 0 to %d", excerpt(wrong), math.MaxInt32)
	default:
		want[map[string]int32](f, key) // which says what is wrong
	}
	return v
}

// optional reads a field that may be missing or null.
func optional[T any](f *fields, key string, otherwise T) T {
	if !f.has(key) {
		return otherwise
	}
	return want[T](f, key)
}

// oneOf reads a string that must be one of names.
func (f *fields) oneOf(key, otherwise string, names ...string) string {
	if otherwise != "" && !f.has(key) {
		return otherwise
	}
	s := want[string](f, key)
	if f.err == nil && !slices.Contains(names, s) {
		f.fail(ErrUnsupported, key, "unknown value %q, want one of %q", s, names)
	}
	return s
}

// done answers what is wrong.
func (f *fields) done() error {
	if f.err != nil {
		return f.err
	}
	var unknown []string
	for key := range f.raw {
		if !f.asked[key] {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		f.fail(ErrUnsupported, slices.Min(unknown), "unknown field")
	}
	return f.err
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case int, int32, float64:
		return "a number"
	case map[string]int32:
		return "an object of numbers"
	case map[string]json.RawMessage:
		return "an object"
	}
	return "a list"
}

// written is an object of a tokenizer.json being written: names and values in turn.
type written []any

// MarshalJSON writes the fields in their order.
func (w written) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i := 0; i < len(w); i += 2 {
		if i > 0 {
			out.WriteByte(',')
		}
		for j, v := range w[i : i+2] {
			raw, err := marshal(v)
			if err != nil {
				return nil, fmt.Errorf("%v: %w", w[i], err)
			}
			out.Write(raw)
			if j == 0 {
				out.WriteByte(':')
			}
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// marshal is json.Marshal that leaves <, > and & alone.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
