package conformance

import (
	"context"
	"encoding/json"

	"github.com/archlab/archlab/core/family"
)

var configChecks = []Check{
	{Name: "bad-config", Meaning: "unknown keys, wrong types, values out of range and impossible builds are refused with errors that name the field", Tolerance: exact("counts violations"), run: checkBadConfig},
}

func checkBadConfig(ctx context.Context, p *probe) error {
	s, err := parseSchema(p.desc.ConfigSchema)
	if err != nil {
		return err
	}
	overlaid := func(key, value string) (json.RawMessage, error) {
		over, err := json.Marshal(map[string]json.RawMessage{key: json.RawMessage(value)})
		if err != nil {
			return nil, err
		}
		return overlay(p.config.JSON, over)
	}
	for _, name := range s.names() {
		for _, w := range s.Properties[name].wrongs() {
			config, err := overlaid(name, w.value)
			if err != nil {
				return err
			}
			_, err = p.card(ctx, config)
			p.refused(sprintf("%s %s (%s)", name, w.value, w.what), err, name, family.InvalidConfig)
		}
	}
	const unknown = "no_such_key"
	config, err := overlaid(unknown, "1")
	if err != nil {
		return err
	}
	_, err = p.card(ctx, config)
	p.refused("an unknown key", err, unknown, family.InvalidConfig)
	for _, b := range p.config.Bad {
		if config, err = overlay(p.config.JSON, b.JSON); err != nil {
			return err
		}
		_, err = p.card(ctx, config)
		p.refused(sprintf("config %s", b.JSON), err, b.Field, family.InvalidConfig)
	}
	for _, text := range []string{`[]`, `7`, `{"`, `{} {}`} {
		_, err = p.card(ctx, json.RawMessage(text))
		p.refused(sprintf("the config %s", text), err, "", family.InvalidConfig)
	}
	for _, c := range []struct {
		what, field string
		change      func(*family.BuildRequest)
	}{
		{"a vocabulary of 0", "vocab", func(r *family.BuildRequest) { r.Vocab = 0 }},
		{"a vocabulary of -3", "vocab", func(r *family.BuildRequest) { r.Vocab = -3 }},
		{"an unknown precision", "precision", func(r *family.BuildRequest) { r.Precision = "fp33" }},
		{"a negative context", "context", func(r *family.BuildRequest) { r.Context = -1 }},
		{"a cost length of 0", "lengths", func(r *family.BuildRequest) { r.Lengths = []int{0} }},
	} {
		req := p.request()
		req.CardOnly = true
		c.change(&req)
		_, _, err := p.fam.Build(ctx, req)
		p.refused(c.what, err, c.field, family.InvalidConfig, family.InvalidArgument)
	}
	return nil
}
