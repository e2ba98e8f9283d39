package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/family"
)

// DecodeConfig reads a JSON object into config, a pointer to a struct that holds the defaults. It is strict: unknown and
// duplicate keys, wrong types, null, and numbers or words outside what the tags min, max and enum allow are
// InvalidConfig errors that name the key. Empty input means an empty object.
func DecodeConfig(raw json.RawMessage, config any) error {
	_, err := decodeConfig(raw, config, nil)
	return err
}

// decodeConfig also lets extra keys with string values pass, and answers the values of those that were given.
func decodeConfig(raw json.RawMessage, config any, extra []string) (map[string]string, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	d := &configDecoder{extra: extra, given: map[string]string{}}
	v := reflect.ValueOf(config).Elem()
	if err := d.object(raw, v, ""); err != nil {
		return nil, err
	}
	return d.given, checkRanges(v, "")
}

type configDecoder struct {
	extra []string // keys of the outermost object that are not fields
	given map[string]string
}

func invalid(field, format string, args ...any) *family.Error {
	return family.Errorf(family.InvalidConfig, field, format, args...)
}

func (d *configDecoder) object(raw json.RawMessage, v reflect.Value, path string) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	tok, err := dec.Token()
	if err != nil {
		return invalid(path, "config is not JSON: %v", err)
	}
	if tok != json.Delim('{') {
		return invalid(path, "got %s, want an object", kindOfJSON(raw))
	}
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return invalid(path, "config is not JSON: %v", err)
		}
		key := tok.(string)
		at := join(path, key)
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return invalid(at, "config is not JSON: %v", err)
		}
		if seen[key] {
			return invalid(at, "the key is given twice")
		}
		seen[key] = true
		if path == "" && contains(d.extra, key) {
			var s string
			if json.Unmarshal(value, &s) != nil {
				return invalid(at, "got %s, want a string", kindOfJSON(value))
			}
			d.given[key] = s
			continue
		}
		f, ok := find(fields, key)
		if !ok {
			return unknown(at, key, fields, d.extra)
		}
		if err := d.value(value, v.FieldByIndex(f.index), at); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return invalid(path, "config is not JSON: %v", err)
	}
	if dec.More() {
		return invalid(path, "data follows the config")
	}
	return nil
}

func (d *configDecoder) value(raw json.RawMessage, v reflect.Value, at string) error {
	wrong := func(want string) error { return invalid(at, "got %s, want %s", kindOfJSON(raw), want) }
	if string(raw) == "null" {
		return wrong(wanted(v.Type()))
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.object(raw, v, at)
	case reflect.Slice:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return wrong(wanted(v.Type()))
		}
		out := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i, x := range list {
			if err := d.value(x, out.Index(i), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		v.Set(out)
		return nil
	default:
		if json.Unmarshal(raw, v.Addr().Interface()) != nil {
			return wrong(wanted(v.Type()))
		}
		return nil
	}
}

// checkRanges holds every field, given or default, against its tags.
func checkRanges(v reflect.Value, path string) error {
	for _, f := range fieldsOf(v.Type()) {
		if f.bad != nil {
			return family.Errorf(family.Internal, f.key, "%v", f.bad)
		}
		x := v.FieldByIndex(f.index)
		at := join(path, f.key)
		if x.Kind() == reflect.Struct {
			if err := checkRanges(x, at); err != nil {
				return err
			}
			continue
		}
		if len(f.enum) > 0 && x.Kind() == reflect.String && !contains(f.enum, x.String()) {
			e := invalid(at, "got %q, want one of %s", x.String(), strings.Join(f.enum, ", "))
			if n := nearest(x.String(), f.enum); n != "" {
				e.Message += fmt.Sprintf("; did you mean %q?", n)
			}
			return e
		}
		n, ok := number(x)
		if !ok {
			continue
		}
		if math.IsNaN(n) || n < f.min || n > f.max {
			return invalid(at, "got %v, want %s", x.Interface(), between(f.min, f.max))
		}
	}
	return nil
}

func number(x reflect.Value) (float64, bool) {
	switch {
	case x.CanInt():
		return float64(x.Int()), true
	case x.CanUint():
		return float64(x.Uint()), true
	case x.CanFloat():
		return x.Float(), true
	}
	return 0, false
}

func between(lo, hi float64) string {
	f := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	switch {
	case math.IsInf(hi, 1):
		return "at least " + f(lo)
	case math.IsInf(lo, -1):
		return "at most " + f(hi)
	}
	return "a number from " + f(lo) + " to " + f(hi)
}

func unknown(at, key string, fields []field, extra []string) error {
	keys := append([]string{}, extra...)
	for _, f := range fields {
		keys = append(keys, f.key)
	}
	e := invalid(at, "unknown key")
	if n := nearest(key, keys); n != "" {
		e.Message += fmt.Sprintf("; did you mean %q?", n)
	} else {
		e.Message += ", want one of " + strings.Join(keys, ", ")
	}
	return e
}

// nearest answers the word with the fewest edits from s, or "" if none is close.
func nearest(s string, words []string) string {
	best, at := len(s)/2+2, ""
	for _, w := range words {
		if d := edits(strings.ToLower(s), strings.ToLower(w)); d < best {
			best, at = d, w
		}
	}
	return at
}

// edits is the Levenshtein distance.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			up := row[j+1]
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(up+1, row[j]+1, diagonal+cost)
			diagonal = up
		}
	}
	return row[len(b)]
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func kindOfJSON(raw json.RawMessage) string {
	s := strings.TrimSpace(string(raw))
	if s == "" {
		return "nothing"
	}
	switch s[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return s
}
