package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"sort"

	"github.com/archlab/archlab/core/family"
)

var describeChecks = []Check{
	{Name: "describe", Meaning: "the family names itself, its version, precisions and capabilities in well-formed terms, every time the same", Tolerance: exact("counts violations"), family: true, run: checkDescribe},
	{Name: "schema", Meaning: "config_schema is a closed JSON Schema whose defaults fit it and build", Tolerance: exact("counts violations"), family: true, run: checkSchema},
	{Name: "presets", Meaning: "every announced preset builds a card, an unknown one is refused", Tolerance: exact("counts violations"), family: true, needs: needsPresets, run: checkPresets},
	{Name: "knob", Meaning: "the knob is an integer key of the schema; turning it by a step changes the number of parameters", Tolerance: exact("counts violations"), family: true, run: checkKnob},
}

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	versionForm = regexp.MustCompile(`^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
)

func checkDescribe(ctx context.Context, p *probe) error {
	d := p.desc
	p.ok()
	if !nameForm.MatchString(d.Name) {
		p.violation("name %q: want lower-case letters, digits and dashes", d.Name)
	}
	if !versionForm.MatchString(d.Version) {
		p.violation("version %q: want a semantic version", d.Version)
	}
	if d.Summary == "" {
		p.violation("summary is empty")
	}
	for i, paper := range d.Papers {
		if paper.Title == "" || paper.URL == "" {
			p.violation("papers[%d] lacks a title or a URL", i)
		}
	}
	if !slices.Contains(d.Capabilities.Precisions, family.FP32) {
		p.violation("capabilities.precisions %v lack %s, which every family has", d.Capabilities.Precisions, family.FP32)
	}
	if o := d.Capabilities.Optimizers; len(o) > 0 && !slices.Contains(o, family.AdamW) {
		p.violation("capabilities.optimizers %v lack %s, which every family has", o, family.AdamW)
	}
	for _, o := range d.Capabilities.Optimizers {
		if !slices.Contains(knownOptimizers, o) {
			p.violation("capabilities.optimizers: unknown optimizer %q, want some of %v", o, knownOptimizers)
		}
	}
	for _, q := range d.Capabilities.Quantize {
		if q != "int8" && q != "int4" {
			p.violation("capabilities.quantize: unknown scheme %q", q)
		}
	}
	if d.Capabilities.DraftHeads && !d.Capabilities.Decode {
		p.violation("capabilities: draft heads without decode")
	}
	again, err := p.fam.Describe(ctx)
	if err != nil {
		return err
	}
	a, err := json.Marshal(d)
	if err != nil {
		return err
	}
	b, err := json.Marshal(again)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		p.violation("two Describes differ: %s against %s", a, b)
	}
	return nil
}

// card asks for a card alone.
func (s *subject) card(ctx context.Context, config json.RawMessage) (family.Card, error) {
	req := s.request()
	req.Config, req.CardOnly = config, true
	_, card, err := s.fam.Build(ctx, req)
	return card, err
}

func checkSchema(ctx context.Context, p *probe) error {
	s, err := parseSchema(p.desc.ConfigSchema)
	if err != nil {
		return err
	}
	p.ok()
	if s.Type != "object" || len(s.Properties) == 0 {
		p.violation("want a schema of type object with properties, got type %q with %d", s.Type, len(s.Properties))
	}
	if string(s.AdditionalProperties) != "false" {
		p.violation("want additionalProperties false, so that editors see unknown keys too; got %q", s.AdditionalProperties)
	}
	defaults := map[string]json.RawMessage{}
	for _, name := range s.names() {
		prop := s.Properties[name]
		for _, t := range prop.types() {
			if !slices.Contains(jsonTypes, t) {
				p.violation("%s: unknown type %q", name, t)
			}
		}
		if name == "preset" && prop.Default == nil {
			continue // chosen or absent
		}
		if prop.Default == nil {
			p.violation("%s has no default", name)
			continue
		}
		if why := prop.accepts(prop.Default); why != "" {
			p.violation("%s: the default does not fit its own schema: %s", name, why)
		}
		defaults[name] = prop.Default
	}
	all, err := json.Marshal(defaults)
	if err != nil {
		return err
	}
	byName, err := p.card(ctx, all)
	if err != nil {
		p.violation("the schema's defaults, given by name, are refused: %v", err)
		return nil
	}
	byOmission, err := p.card(ctx, json.RawMessage(`{}`))
	if err != nil {
		p.violation("an empty config is refused: %v", err)
		return nil
	}
	if !sameJSON(byName.Config, byOmission.Config) {
		p.violation("missing keys do not take the schema's defaults: %s against %s", byOmission.Config, byName.Config)
	}
	return nil
}

func needsPresets(s *subject) string {
	if len(s.desc.Presets) == 0 {
		return "the family has no presets"
	}
	return ""
}

func checkPresets(ctx context.Context, p *probe) error {
	var names []string
	for name := range p.desc.Presets {
		names = append(names, name)
	}
	sort.Strings(names)
	p.ok()
	preset := func(name string) json.RawMessage {
		b, _ := json.Marshal(map[string]string{"preset": name}) // strings always encode
		return b
	}
	for _, name := range names {
		if _, err := p.card(ctx, preset(name)); err != nil {
			p.violation("preset %q: %v", name, err)
		}
	}
	_, err := p.card(ctx, preset("no_such_preset"))
	p.refused("an unknown preset", err, "preset", family.InvalidConfig)
	return nil
}

func checkKnob(ctx context.Context, p *probe) error {
	k := p.desc.Knob
	p.ok()
	if k.Field == "" || k.Min < 1 || k.Max < k.Min || k.Step < 1 || k.Min%max(k.Step, 1) != 0 {
		p.violation("want a field, 1 <= min <= max, step >= 1 and min a multiple of it; got %+v", k)
		return nil
	}
	s, err := parseSchema(p.desc.ConfigSchema)
	if err != nil {
		return err
	}
	prop, ok := s.Properties[k.Field]
	if !ok || !slices.Contains(prop.types(), "integer") {
		p.violation("the schema has no integer %q, which the knob turns", k.Field)
		return nil
	}
	if why := prop.accepts(json.RawMessage(sprintf("%d", k.Max))); why != "" {
		p.violation("the knob's max does not fit the schema: %s", why)
	}
	previous := int64(0)
	for _, v := range []int{k.Min, k.Min + k.Step, k.Min + 2*k.Step} {
		value := json.RawMessage(sprintf("%d", v))
		if v > k.Max {
			break
		}
		if why := prop.accepts(value); why != "" {
			p.violation("the knob's value %d does not fit the schema: %s", v, why)
		}
		config, err := json.Marshal(map[string]json.RawMessage{k.Field: value})
		if err != nil {
			return err
		}
		card, err := p.card(ctx, config)
		if err != nil {
			p.violation("%s=%d: %v", k.Field, v, err)
			continue
		}
		if card.Parameters <= previous {
			p.violation("%s=%d: want more parameters than the %d of the step below, got %d", k.Field, v, previous, card.Parameters)
		}
		previous = card.Parameters
	}
	return nil
}
