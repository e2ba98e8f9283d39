package experiment

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
)

// field is one key as its struct tags describe it.
type field struct {
	index    int
	key      string
	doc      string
	def      string
	required bool
	min, max *float64
	over     *float64
	enum     []string
	unit     string
	or       string
}

// fieldsOf reads the tags of a struct.
func fieldsOf(t reflect.Type) []field {
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		f := field{index: i, key: tag.Get("key"), doc: tag.Get("doc"), def: tag.Get("default"), required: tag.Get("required") == "true",
			min: bound(tag, "min"), max: bound(tag, "max"), over: bound(tag, "over"), unit: tag.Get("unit"), or: tag.Get("or")}
		if f.key == "-" {
			continue
		}
		switch e := tag.Get("enum"); e {
		case "":
		case "tasks":
			f.enum = task.Names()
		case "corpora":
			f.enum = data.CorpusNames()
		case "suites":
			f.enum = SuiteNames()
		default:
			f.enum = strings.Split(e, "|")
		}
		out = append(out, f)
	}
	return out
}

func bound(tag reflect.StructTag, name string) *float64 {
	s, ok := tag.Lookup(name)
	if !ok {
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil // a test reads every tag
	}
	return &v
}

// element is the description of one item of a list: ranges of the list are its length's.
func (f field) element() field {
	return field{enum: f.enum, unit: f.unit, or: f.or}
}

// optional answers whether an absent key leaves nothing behind: the field has no default and is printed only when set.
func (f field) optional() bool { return f.def == "" && !f.required }

// shortForms answers, for each key that may be written as a plain value, the key that the value stands for.
func shortForms(t reflect.Type) map[string]string {
	out := map[string]string{}
	for _, f := range fieldsOf(t) {
		ft := t.Field(f.index).Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if f.or != "" && ft.Kind() == reflect.Struct {
			out[f.key] = f.or
		}
		if ft.Kind() == reflect.Struct && ft != reflect.TypeFor[Object]() {
			for k, v := range shortForms(ft) {
				out[k] = v
			}
		}
	}
	return out
}
