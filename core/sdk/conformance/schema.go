package conformance

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
)

// schema is the part of JSON Schema (draft 2020-12) that describes a flat config: what the contract asks of ConfigSchema.
type schema struct {
	Type                 string              `json:"type"`
	Properties           map[string]property `json:"properties"`
	AdditionalProperties json.RawMessage     `json:"additionalProperties"`
}

type property struct {
	Type             json.RawMessage   `json:"type"`
	Default          json.RawMessage   `json:"default"`
	Enum             []json.RawMessage `json:"enum"`
	Minimum          *float64          `json:"minimum"`
	Maximum          *float64          `json:"maximum"`
	ExclusiveMinimum *float64          `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64          `json:"exclusiveMaximum"`
}

func parseSchema(raw json.RawMessage) (schema, error) {
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("config_schema is not a JSON Schema: %w", err)
	}
	return s, nil
}

// names lists the config's keys in order.
func (s schema) names() []string {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// types answers the allowed JSON types; none means that the schema does not say.
func (p property) types() []string {
	var one string
	if json.Unmarshal(p.Type, &one) == nil && one != "" {
		return []string{one}
	}
	var many []string
	_ = json.Unmarshal(p.Type, &many) // another form has no types
	return many
}

var jsonTypes = []string{"null", "boolean", "integer", "number", "string", "array", "object"}

// accepts says what is wrong with a value, or "".
func (p property) accepts(raw json.RawMessage) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err.Error()
	}
	if types := p.types(); len(types) > 0 && !slices.ContainsFunc(types, func(t string) bool { return isType(v, t) }) {
		return fmt.Sprintf("%s is not of type %v", raw, types)
	}
	if x, ok := v.(float64); ok {
		switch {
		case p.Minimum != nil && x < *p.Minimum:
			return fmt.Sprintf("%v is below minimum %v", x, *p.Minimum)
		case p.Maximum != nil && x > *p.Maximum:
			return fmt.Sprintf("%v is above maximum %v", x, *p.Maximum)
		case p.ExclusiveMinimum != nil && x <= *p.ExclusiveMinimum:
			return fmt.Sprintf("%v is not above %v", x, *p.ExclusiveMinimum)
		case p.ExclusiveMaximum != nil && x >= *p.ExclusiveMaximum:
			return fmt.Sprintf("%v is not below %v", x, *p.ExclusiveMaximum)
		}
	}
	if len(p.Enum) > 0 && !slices.ContainsFunc(p.Enum, func(e json.RawMessage) bool { return sameJSON(e, raw) }) {
		return fmt.Sprintf("%s is not in the enum", raw)
	}
	return ""
}

func isType(v any, t string) bool {
	switch x := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case []any:
		return t == "array"
	case map[string]any:
		return t == "object"
	case float64:
		return t == "number" || t == "integer" && x == math.Trunc(x)
	}
	return false
}

// sameJSON compares values, not spelling: 1 and 1.0 are the same.
func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	ax, _ := json.Marshal(x) // a decoded value always encodes; objects with sorted keys
	by, _ := json.Marshal(y)
	return string(ax) == string(by)
}

// wrong is a value that a property must refuse.
type wrong struct {
	what  string
	value string
}

// wrongs derives values that the schema itself excludes.
func (p property) wrongs() []wrong {
	var out []wrong
	types := p.types()
	if len(types) > 0 {
		for _, candidate := range []string{`"seven"`, `7`, `[7]`, `{"x":7}`} {
			if p.Enum == nil && p.accepts(json.RawMessage(candidate)) != "" || !ofAny(types, candidate) {
				out = append(out, wrong{"a value of the wrong type", candidate})
				break
			}
		}
		if slices.Contains(types, "integer") && !slices.Contains(types, "number") {
			out = append(out, wrong{"a fraction for an integer", "1.5"})
		}
	}
	number := func(what string, x float64) {
		b, err := json.Marshal(x)
		if err == nil {
			out = append(out, wrong{what, string(b)})
		}
	}
	if p.Minimum != nil {
		number("a value below the minimum", *p.Minimum-1)
	}
	if p.Maximum != nil && *p.Maximum < 1<<52 {
		number("a value above the maximum", *p.Maximum+1)
	}
	if p.ExclusiveMinimum != nil {
		number("the excluded minimum", *p.ExclusiveMinimum)
	}
	if p.ExclusiveMaximum != nil {
		number("the excluded maximum", *p.ExclusiveMaximum)
	}
	if len(p.Enum) > 0 && slices.Contains(types, "string") {
		out = append(out, wrong{"a value outside the enum", `"no_such_choice"`})
	}
	return out
}

func ofAny(types []string, raw string) bool {
	var v any
	if json.Unmarshal([]byte(raw), &v) != nil {
		return false
	}
	return slices.ContainsFunc(types, func(t string) bool { return isType(v, t) })
}
