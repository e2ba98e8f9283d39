package experiment

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/task"
)

// Config is the task in the generator's terms.
func (t *Task) Config() task.Config {
	return task.Config{Kind: t.Name, Preset: t.Preset, Set: t.Settings}
}

// At opens the task at another length: with another value of the setting that its kind measures length by.
func (t *Task) At(length int) (task.Task, error) {
	c, err := t.Config().At(length)
	if err != nil {
		return nil, err
	}
	return task.Open(c)
}

// settings reads a task's own settings, given as keys and values, by the declarations of its kind.
func (d *decoder) settings(t *Task, nodes []*yaml.Node, shared []string, path string) {
	kind, ok := task.Find(t.Name)
	if !ok {
		return // told already
	}
	t.Settings = task.Values{}
	for i := 0; i+1 < len(nodes); i += 2 {
		k, n := nodes[i], nodes[i+1]
		p := join(path, k.Value)
		param, ok := kind.Param(k.Value)
		if !ok {
			d.problem(k, p, "", "%s", noSetting(kind, k.Value, shared))
			continue
		}
		d.at[p] = n
		var value reflect.Value
		f := field{min: &param.Min, max: &param.Max, unit: "count"}
		switch {
		case param.Switch:
			var on bool
			value = reflect.ValueOf(&on).Elem()
			f = field{}
		case param.Real:
			value = reflect.ValueOf(new(float64)).Elem()
		default:
			value = reflect.ValueOf(new(int)).Elem()
		}
		found := len(d.problems)
		d.value(n, value, f, p)
		if len(d.problems) > found {
			continue
		}
		switch value.Kind() {
		case reflect.Bool:
			t.Settings[param.Key] = 0
			if value.Bool() {
				t.Settings[param.Key] = 1
			}
		case reflect.Int:
			t.Settings[param.Key] = float64(value.Int())
		default:
			t.Settings[param.Key] = value.Float()
		}
	}
}

// noSetting says that a kind does not have a key, and what may have been meant.
func noSetting(kind *task.Kind, key string, shared []string) string {
	known := append(append([]string(nil), shared...), kind.Keys()...)
	var others []string
	for _, k := range task.Kinds {
		if _, ok := k.Param(key); ok {
			others = append(others, k.Name)
		}
	}
	switch near, ok := Nearest(key, known); {
	case len(others) > 0:
		return fmt.Sprintf("the task %s has no such setting; it is one of %s; its own are %s", kind.Name, strings.Join(others, ", "), strings.Join(kind.Keys(), ", "))
	case ok:
		return fmt.Sprintf("unknown key; did you mean %q?", near)
	}
	return fmt.Sprintf("unknown key; the settings of the task %s are %s", kind.Name, strings.Join(kind.Keys(), ", "))
}

// checkTask opens the task, which knows what its settings allow, fills in the preset's and takes the context from it.
func (d *decoder) checkTask(x *Data) {
	t, err := task.Open(x.Task.Config())
	var bad *data.Error
	switch {
	case errors.As(err, &bad) && bad.Where == "kind":
		return // told already
	case errors.As(err, &bad):
		d.checkf("data.task."+bad.Where, "", "%s", bad.Message)
		return
	case err != nil:
		d.checkf("data.task", "", "%v", err)
		return
	}
	x.Task.Settings = t.Info().Parameters
	if kind, _ := task.Find(x.Task.Name); x.Task.Preset == task.Paper && d.at["data.task.examples"] == nil {
		x.Task.Examples = max(0, kind.Examples)
	}
	if d.at["data.context"] != nil && x.Context != t.Length() {
		d.checkf("data.context", "remove the key", "got %d, the task's sequences have %d tokens", x.Context, t.Length())
	}
	x.Context = t.Length()
}

// checkLengths opens the task at each length at which it is to be tested.
func (d *decoder) checkLengths(e *Experiment) {
	if len(e.Eval.Lengths) == 0 {
		return
	}
	if e.Data.Task == nil {
		d.checkf("eval.lengths", "archlab eval RUN --suite long measures text beyond the training length", "lengths are those of a task, and the data are a corpus")
		return
	}
	kind, ok := task.Find(e.Data.Task.Name)
	switch {
	case !ok:
		return // told already
	case kind.Scale == "":
		d.checkf("eval.lengths", "", "the task %s has no setting that measures length", kind.Name)
		return
	}
	distinct(func(path, hint, format string, args ...any) { d.checkf(path, hint, format, args...) }, "eval.lengths", e.Eval.Lengths)
	for i, n := range e.Eval.Lengths {
		if _, err := e.Data.Task.At(n); err != nil {
			text := err.Error()
			if bad := (*data.Error)(nil); errors.As(err, &bad) {
				text = bad.Where + ": " + bad.Message
			}
			d.checkf(fmt.Sprintf("eval.lengths[%d]", i), "", "the task %s with %s %d: %s", kind.Name, kind.Scale, n, text)
		}
	}
}

// encode lists the settings as keys and values, in the order of the kind's declarations.
func (t Task) encode() []*yaml.Node {
	var out []*yaml.Node
	kind, ok := task.Find(t.Name)
	if !ok {
		return nil
	}
	for _, p := range kind.Params {
		if v, ok := t.Settings[p.Key]; ok {
			value := &yaml.Node{Kind: yaml.ScalarNode, Value: p.Text(v)}
			out = append(out, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: p.Key}, value)
		}
	}
	return out
}

// plain is encode for JSON.
func (t Task) plain() map[string]any {
	out := map[string]any{}
	kind, ok := task.Find(t.Name)
	if !ok {
		return out
	}
	for _, p := range kind.Params {
		v, ok := t.Settings[p.Key]
		switch {
		case !ok:
		case p.Switch:
			out[p.Key] = v != 0
		default:
			out[p.Key] = v
		}
	}
	return out
}

// taskSchema makes, of the schema of the keys that all tasks share, one that lists each task with its own settings.
func taskSchema(shared schema) schema {
	var kinds []schema
	for _, k := range task.Kinds {
		props := schema{}
		for key, s := range shared["properties"].(schema) {
			props[key] = s
		}
		props["name"] = schema{"const": k.Name, "description": k.Summary + ". " + k.Source}
		for _, p := range k.Params {
			s := schema{"type": "boolean"}
			if !p.Switch {
				kind := "integer"
				if p.Real {
					kind = "number"
				}
				s = schema{"anyOf": []schema{{"type": kind, "minimum": p.Min, "maximum": p.Max}, {"type": "string", "pattern": unitPattern("count")}}}
			}
			s["description"] = fmt.Sprintf("%s; %s in preset cpu, %s in preset paper.", p.Doc, p.Text(p.CPU), p.Text(p.Paper))
			props[p.Key] = s
		}
		kinds = append(kinds, schema{"type": "object", "properties": props, "additionalProperties": false, "required": shared["required"], "title": k.Name})
	}
	return schema{"anyOf": kinds}
}
