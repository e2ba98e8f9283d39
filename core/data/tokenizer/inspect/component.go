package inspect

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Component is one step of a tokenizer's pipeline.
type Component struct {
	Type     string                     `json:"type"`
	Settings map[string]json.RawMessage `json:"settings,omitempty"`
}

// String is the type with its settings, the long ones (character maps, templates) cut.
func (c Component) String() string {
	if len(c.Settings) == 0 {
		return c.Type
	}
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return c.Type
	}
	const limit = 160
	if len(settings) > limit {
		n := limit
		for !utf8.RuneStart(settings[n]) {
			n--
		}
		return fmt.Sprintf("%s %s... (%d bytes)", c.Type, settings[:n], len(settings))
	}
	return c.Type + " " + string(settings)
}

// components lists the steps of a component of tokenizer.json, in which sequences hold others.
func components(raw json.RawMessage) []Component {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return []Component{} // null, or not there
	}
	var c Component
	if err := json.Unmarshal(fields["type"], &c.Type); err != nil {
		return []Component{}
	}
	delete(fields, "type")
	if c.Type != "Sequence" {
		c.Settings = fields
		return []Component{c}
	}
	out := []Component{}
	for _, key := range []string{"normalizers", "pretokenizers", "processors", "decoders"} {
		var parts []json.RawMessage
		if json.Unmarshal(fields[key], &parts) != nil {
			continue
		}
		for _, p := range parts {
			out = append(out, components(p)...)
		}
	}
	return out
}
