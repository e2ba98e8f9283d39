package tokenizer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

func readPostProcessor(where string, raw json.RawMessage) (postProcessor, error) {
	f := object(where, raw)
	var p postProcessor
	switch kind := want[string](f, "type"); kind {
	case "Sequence":
		p = postSequence(readList(f, "processors", readPostProcessor))
	case "BertProcessing":
		p = postBert{readNamed(f, "sep"), readNamed(f, "cls")}
	case "RobertaProcessing":
		p = postRoberta{readNamed(f, "sep"), readNamed(f, "cls"), want[bool](f, "trim_offsets"), want[bool](f, "add_prefix_space")}
	case "ByteLevel":
		prefix, trim, regex := readByteLevel(f)
		p = postByteLevel{prefix, trim, regex}
	case "TemplateProcessing":
		p = readTemplate(f)
	default:
		f.fail(ErrUnsupported, "type", "unknown post-processor %q", kind)
	}
	return p, f.done()
}

// readNamed reads a token written as ["[SEP]", 102].
func readNamed(f *fields, key string) (t namedToken) {
	pair := want[[]json.RawMessage](f, key)
	if f.err == nil && (len(pair) != 2 || json.Unmarshal(pair[0], &t.token) != nil || json.Unmarshal(pair[1], &t.id) != nil || t.id < 0) {
		f.fail(ErrFormat, key, "want a token and its id, got %s", excerpt(f.raw[key]))
	}
	return t
}

func readTemplate(f *fields) postTemplate {
	p := postTemplate{special: map[string][]namedToken{}}
	for _, key := range []string{"add_prefix_space", "trim_offsets", "use_regex"} {
		if f.has(key) { // left over from a ByteLevel that was there before: of no consequence
			p.extra = append(p.extra, key, want[bool](f, key))
		}
	}
	tokens := want[map[string]json.RawMessage](f, "special_tokens")
	for _, name := range slices.Sorted(maps.Keys(tokens)) {
		g := object(f.name("special_tokens")+"."+name, tokens[name])
		if id := want[string](g, "id"); g.err == nil && id != name {
			g.fail(ErrFormat, "id", "got %q, want %q", id, name)
		}
		ids, shown := want[[]int32](g, "ids"), want[[]string](g, "tokens")
		if len(ids) != len(shown) {
			g.fail(ErrFormat, "tokens", "%d tokens for %d ids", len(shown), len(ids))
		}
		if err := g.done(); err != nil {
			f.err = err
			return p
		}
		p.special[name] = []namedToken{}
		for i, id := range ids {
			p.special[name] = append(p.special[name], namedToken{shown[i], id})
		}
	}
	place := func(texts int) func(where string, raw json.RawMessage) (slotOf, error) {
		return func(where string, raw json.RawMessage) (slotOf, error) { return p.readPlace(where, raw, texts) }
	}
	p.single = readList(f, "single", place(1))
	p.pair = readList(f, "pair", place(2))
	return p
}

// readPlace reads {"Sequence": {"id": "A", "type_id": 0}} or {"SpecialToken": {"id": "[CLS]", "type_id": 0}}.
func (p postTemplate) readPlace(where string, raw json.RawMessage, texts int) (s slotOf, err error) {
	f := object(where, raw)
	if f.has("SpecialToken") {
		g := object(f.name("SpecialToken"), f.raw["SpecialToken"])
		s = slotOf{-1, want[string](g, "id"), want[int32](g, "type_id")}
		if _, ok := p.special[s.name]; !ok {
			g.fail(ErrFormat, "id", "%q is not among special_tokens", s.name)
		}
		if err := g.done(); err != nil {
			return s, err
		}
		return s, f.done()
	}
	g := object(f.name("Sequence"), want[json.RawMessage](f, "Sequence"))
	if err := f.done(); err != nil {
		return s, err
	}
	if g.oneOf("id", "", "A", "B") == "B" {
		s.text = 1
	}
	s.typeID = want[int32](g, "type_id")
	if s.text >= texts {
		g.fail(ErrFormat, "id", "B in the template of a single text")
	}
	return s, g.done()
}

func writePostProcessor(p postProcessor) any {
	switch p := p.(type) {
	case postSequence:
		list := []any{}
		for _, q := range p {
			list = append(list, writePostProcessor(q))
		}
		return written{"type", "Sequence", "processors", list}
	case postBert:
		return written{"type", "BertProcessing", "sep", writeNamed(p.sep), "cls", writeNamed(p.cls)}
	case postRoberta:
		return written{"type", "RobertaProcessing", "sep", writeNamed(p.sep), "cls", writeNamed(p.cls), "trim_offsets", p.trim,
			"add_prefix_space", p.prefixSpace}
	case postByteLevel:
		return writeByteLevel(p.prefixSpace, p.trimOffsets, p.regex)
	case postTemplate:
		special := written{}
		for _, name := range slices.Sorted(maps.Keys(p.special)) {
			ids, shown := []int32{}, []string{}
			for _, t := range p.special[name] {
				ids, shown = append(ids, t.id), append(shown, t.token)
			}
			special = append(special, name, written{"id", name, "ids", ids, "tokens", shown})
		}
		return append(slices.Clone(p.extra), "type", "TemplateProcessing", "single", writePlaces(p.single), "pair", writePlaces(p.pair), "special_tokens", special)
	}
	return nil
}

func writeNamed(t namedToken) any { return []any{t.token, t.id} }

func writePlaces(places []slotOf) any {
	list := []any{}
	for _, s := range places {
		if s.text < 0 {
			list = append(list, written{"SpecialToken", written{"id", s.name, "type_id", s.typeID}})
			continue
		}
		list = append(list, written{"Sequence", written{"id", string(rune('A' + s.text)), "type_id", s.typeID}})
	}
	return list
}

// check refuses what would fail while a text is encoded.
func (t *Tokenizer) check() error {
	if err := checkTemplates(t.post); err != nil {
		return err
	}
	if tr := t.truncation; tr != nil {
		special := 0
		if t.post != nil {
			special = t.post.adds(true)
		}
		if tr.length < special || tr.length > special && tr.stride >= tr.length-special {
			return errorf(ErrConfig, "truncation.max_length", "%d tokens, %d of them special, and a stride of %d", tr.length, special, tr.stride)
		}
	}
	return nil
}

// checkTemplates refuses a template that gets what another one made: it knows what to do with two texts.
func checkTemplates(p postProcessor) error {
	templates := 0
	var count func(p postProcessor)
	count = func(p postProcessor) {
		switch p := p.(type) {
		case postTemplate:
			templates++
		case postSequence:
			for _, q := range p {
				count(q)
			}
		}
	}
	count(p)
	if templates > 1 {
		return errorf(ErrUnsupported, "post_processor", "%s", fmt.Sprintf("%d templates, one behind the other", templates))
	}
	return nil
}
