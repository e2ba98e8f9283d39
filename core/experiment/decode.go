package experiment

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// decoder fills structs from YAML nodes and collects everything that is wrong.
type decoder struct {
	file     string
	kind     string // what the file is when it is no experiment: "card"
	problems Problems
	at       map[string]*yaml.Node // by key path, for checks across fields
	origin   map[*yaml.Node]string // nodes that came from a --set
	visited  int
}

// maxNodes bounds what aliases may blow a small file up to.
const maxNodes = 100_000

// parse reads exactly one YAML document that is a mapping.
func (d *decoder) parse(r io.Reader) *yaml.Node {
	dec := yaml.NewDecoder(r)
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			d.problems = append(d.problems, Problem{File: d.file, Message: "the file is empty"})
			return nil
		}
		d.syntax(err)
		return nil
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		d.problems = append(d.problems, Problem{File: d.file, Line: second.Line, Column: second.Column, Message: "a second document begins here; a file holds one " + cmp.Or(d.kind, "experiment")})
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	if len(doc.Content) == 0 {
		d.problems = append(d.problems, Problem{File: d.file, Message: "the file is empty"})
		return nil
	}
	root, ok := d.expand(doc.Content[0], 0)
	if !ok {
		d.problem(doc.Content[0], "", "", "with its aliases written out the file has more than %d values or %d levels", maxNodes, maxDepth)
		return nil
	}
	return root
}

// expand writes aliases out, so that an override of one place changes no other. It answers false for what is too large,
// which an alias inside its own anchor always is.
func (d *decoder) expand(n *yaml.Node, depth int) (*yaml.Node, bool) {
	d.visited++
	if d.visited > maxNodes || depth > maxDepth {
		return nil, false
	}
	if n.Kind == yaml.AliasNode {
		return d.expand(n.Alias, depth+1)
	}
	c := *n
	c.Anchor, c.Content = "", make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		var ok bool
		if c.Content[i], ok = d.expand(child, depth+1); !ok {
			return nil, false
		}
	}
	return &c, true
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

var fromParser = regexp.MustCompile(`^did not find expected (<document start>|node content|'-' indicator|key|',' or)`)

// syntax reports an error of the YAML parser.
func (d *decoder) syntax(err error) {
	p := Problem{File: d.file, Message: err.Error()}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		p.Message = "not valid YAML: " + m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			if fromParser.MatchString(m[2]) {
				n++ // yaml.v3 counts lines from 0 in what its parser says, and from 1 in what its scanner says
			}
			p.Line, p.Column = n, 1
		}
	}
	d.problems = append(d.problems, p)
}

// problem reports something wrong at a node.
func (d *decoder) problem(n *yaml.Node, path, hint, format string, args ...any) {
	p := Problem{File: d.file, Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
	if o, ok := d.origin[n]; ok {
		p.File = o
	} else if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	d.problems = append(d.problems, p)
}

// value decodes n into v, which f describes.
func (d *decoder) value(n *yaml.Node, v reflect.Value, f field, path string) {
	d.at[path] = n
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch target := v.Addr().Interface().(type) {
	case *Object:
		d.object(n, target, path)
		return
	case *Duration:
		d.duration(n, target, f, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if f.or != "" && n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.or, Line: n.Line, Column: n.Column}
			m := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{key, n}, Line: n.Line, Column: n.Column}
			if o, ok := d.origin[n]; ok {
				d.origin[m], d.origin[key] = o, o
			}
			n = m
		}
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, f, path)
	case reflect.String:
		if d.plain(n, path, "text") {
			d.text(n, v, f, path)
		}
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" {
			d.problem(n, path, "", "got %s, want true or false", describe(n))
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	default:
		if d.plain(n, path, wants[f.unit]) {
			d.number(n, v, f, path)
		}
	}
}

// plain answers whether n is a scalar that holds something.
func (d *decoder) plain(n *yaml.Node, path, want string) bool {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.problem(n, path, "", "got %s, want %s", describe(n), want)
		return false
	}
	return true
}

// describe names what a node is, for "got ...".
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str":
		return strconv.Quote(n.Value)
	}
	return n.Value
}

func (d *decoder) text(n *yaml.Node, v reflect.Value, f field, path string) {
	if n.ShortTag() != "!!str" {
		d.problem(n, path, fmt.Sprintf("write %q in quotes if it is meant as text", n.Value), "got %s, want text", describe(n))
		return
	}
	if len(f.enum) > 0 && !contains(f.enum, n.Value) {
		d.problem(n, path, meant(n.Value, f.enum), "got %q, want %s", n.Value, oneOf(f.enum))
		return
	}
	v.SetString(n.Value)
}

func (d *decoder) number(n *yaml.Node, v reflect.Value, f field, path string) {
	whole := v.Kind() != reflect.Float64
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 || n.ShortTag() == "!!bool" {
		d.problem(n, path, "", "got %s, want %s", describe(n), wants[f.unit])
		return
	}
	x, err := parseNumber(n.Value, f.unit)
	if err != nil {
		d.problem(n, path, "", "got %s, %v", describe(n), err)
		return
	}
	if whole && x != math.Trunc(x) {
		d.problem(n, path, "", "got %s, want a whole number", n.Value)
		return
	}
	if !d.inRange(n, x, n.Value, f, path) {
		return
	}
	switch v.Kind() {
	case reflect.Float64:
		v.SetFloat(x)
	case reflect.Uint64:
		// Seeds use all 64 bits; a float64 would round them.
		u, err := strconv.ParseUint(n.Value, 10, 64)
		if err != nil {
			d.problem(n, path, "", "got %s, want a whole number from 0 to %d", n.Value, uint64(math.MaxUint64))
			return
		}
		v.SetUint(u)
	default:
		if math.Abs(x) > 1<<53 {
			d.problem(n, path, "", "got %s, want at most %d", n.Value, int64(1)<<53)
			return
		}
		v.SetInt(int64(x))
	}
}

func (d *decoder) duration(n *yaml.Node, v *Duration, f field, path string) {
	const want = "a duration, e.g. 90s, 5m, 1h or a number of seconds"
	if !d.plain(n, path, want) {
		return
	}
	x, err := parseDuration(n.Value)
	if err != nil || n.ShortTag() == "!!bool" {
		d.problem(n, path, "", "got %s, want %s", describe(n), want)
		return
	}
	if d.inRange(n, x.Seconds(), n.Value, f, path) {
		*v = x
	}
}

// inRange holds x against the field's range.
func (d *decoder) inRange(n *yaml.Node, x float64, written string, f field, path string) bool {
	show := func(v float64) string { return formatNumber(v, f.unit) }
	switch {
	case f.over != nil && x <= *f.over:
		d.problem(n, path, "", "got %s, want more than %s", written, show(*f.over))
	case f.min != nil && x < *f.min:
		d.problem(n, path, "", "got %s, want at least %s", written, show(*f.min))
	case f.max != nil && x > *f.max:
		d.problem(n, path, "", "got %s, want at most %s", written, show(*f.max))
	default:
		return true
	}
	return false
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, f field, path string) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, path, "", "got %s, want a list", describe(n))
		return
	}
	if f.min != nil && float64(len(n.Content)) < *f.min {
		d.problem(n, path, "", "got %d items, want at least %g", len(n.Content), *f.min)
	}
	if f.max != nil && float64(len(n.Content)) > *f.max {
		d.problem(n, path, "", "got %d items, want at most %g", len(n.Content), *f.max)
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, out.Index(i), f.element(), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(out)
}

// mapping decodes a struct: every key known and once, every required key there, the others by their default.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	given := map[string]*yaml.Node{}
	own, _ := v.Addr().Interface().(*Task)
	var settings []*yaml.Node // keys and values that are the task's own
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.key
	}
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "", "got %s, want a mapping with the keys %s", describe(n), strings.Join(names, ", "))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case !d.keyOK(k, given, path):
		case contains(names, k.Value):
		case own != nil:
			settings = append(settings, k, n.Content[i+1])
		default:
			hint := "known keys: " + strings.Join(names, ", ")
			if m := meant(k.Value, names); m != "" {
				hint = m
			}
			d.problem(k, join(path, k.Value), hint, "unknown key")
			continue
		}
		given[k.Value] = n.Content[i+1]
	}
	for _, f := range fields {
		p := join(path, f.key)
		c, ok := given[f.key]
		switch {
		case ok:
			d.value(c, v.Field(f.index), f, p)
		case f.required:
			d.problem(n, path, "", "missing key %q: %s", f.key, f.doc)
		default:
			d.missing(v.Field(f.index), f, p)
		}
	}
	if own != nil {
		d.settings(own, settings, names, path)
	}
}

// keyOK checks a key of a mapping before its meaning.
func (d *decoder) keyOK(k *yaml.Node, given map[string]*yaml.Node, path string) bool {
	switch {
	case k.Kind != yaml.ScalarNode:
		d.problem(k, path, "", "got %s as a key, want a name", describe(k))
	case k.Value == "<<" && k.Tag != "!!str":
		d.problem(k, path, "write the keys out, or use an alias for the whole value", "merge keys are not supported")
	default:
		if _, twice := given[k.Value]; twice {
			d.problem(k, join(path, k.Value), "", "the key is there twice")
			return false
		}
		return true
	}
	return false
}

// missing gives an absent field its default.
func (d *decoder) missing(v reflect.Value, f field, path string) {
	if f.def != "" {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(f.def), &doc); err != nil || len(doc.Content) == 0 {
			d.problem(nil, path, "", "its default %q cannot be read", f.def)
			return
		}
		d.value(doc.Content[0], v, f, path)
		delete(d.at, path)
		return
	}
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[Object]() {
		d.mapping(&yaml.Node{Kind: yaml.MappingNode}, v, path)
	}
}

// object keeps a foreign mapping after checking what needs no knowledge of it.
func (d *decoder) object(n *yaml.Node, o *Object, path string) {
	if n.Kind != yaml.MappingNode {
		d.problem(n, path, "", "got %s, want a mapping", describe(n))
		return
	}
	if d.foreign(n, path) {
		*o = Object{node: n, origin: d.origin[n]}
	}
}

// foreign checks keys all the way down.
func (d *decoder) foreign(n *yaml.Node, path string) bool {
	ok := true
	switch n.Kind {
	case yaml.MappingNode:
		given := map[string]*yaml.Node{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if !d.keyOK(k, given, path) {
				ok = false
				continue
			}
			given[k.Value] = n.Content[i+1]
			p := join(path, k.Value)
			d.at[p] = n.Content[i+1]
			ok = d.foreign(n.Content[i+1], p) && ok
		}
	case yaml.SequenceNode:
		for i, c := range n.Content {
			ok = d.foreign(c, fmt.Sprintf("%s[%d]", path, i)) && ok
		}
	}
	return ok
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

// oneOf lists alternatives.
func oneOf(list []string) string {
	if len(list) == 1 {
		return strconv.Quote(list[0])
	}
	return "one of " + strings.Join(list, ", ")
}

// meant is the hint for a misspelt word, or empty.
func meant(s string, candidates []string) string {
	if c, ok := Nearest(s, candidates); ok {
		return fmt.Sprintf("did you mean %q?", c)
	}
	return ""
}
