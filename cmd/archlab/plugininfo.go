package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/archlab/archlab/core/family"
)

// info is what a plugin says of itself.
type info struct {
	Description family.Description `json:"description"`
	Card        family.Card        `json:"card"` // of the default config
}

func pluginInfoCommand() *cobra.Command {
	var o hostOptions
	var asJSON, tensors bool
	var vocab, length int
	c := &cobra.Command{
		Use: "info NAME", Short: "Show a family: card, config keys, capabilities", Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := o.fleet(nil)
			if err != nil {
				return err
			}
			defer f.close()
			x, err := describePlugin(c.Context(), f, args[0], vocab, length)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), x)
			}
			return printInfo(c.OutOrStdout(), x, length, tensors)
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the whole config schema")
	c.Flags().BoolVar(&tensors, "tensors", false, "list the tensors")
	c.Flags().IntVar(&vocab, "vocab", 512, "vocabulary of the card")
	c.Flags().IntVar(&length, "context", 256, "context length of the card's costs")
	return c
}

func describePlugin(ctx context.Context, f *fleet, ref string, vocab, length int) (info, error) {
	comp, err := f.describe(ctx, ref)
	if err != nil {
		return info{}, missing(err, ref, f.host)
	}
	_, card, err := comp.Family.Build(ctx, family.BuildRequest{Config: json.RawMessage("{}"), Vocab: vocab, Context: length, CardOnly: true, Lengths: []int{length}})
	return info{comp.Description, card}, err
}

// printInfo shows a family to a person: what it is, what it costs, and what can be set.
func printInfo(w io.Writer, x info, length int, tensors bool) error {
	d, c := x.Description, x.Card
	fmt.Fprintf(w, "%s %s\n%s\n", d.Name, d.Version, d.Summary)
	for _, p := range d.Papers {
		fmt.Fprintf(w, "  %s\n  %s\n", p.Title, p.URL)
	}
	cost, _ := c.Cost(length)
	fmt.Fprintf(w, "\ncapabilities: %s\n", strings.Join(capabilities(d.Capabilities), ", "))
	if d.Knob.Field != "" {
		fmt.Fprintf(w, "knob: %s from %d to %d in steps of %d\n", d.Knob.Field, d.Knob.Min, d.Knob.Max, d.Knob.Step)
	}
	fmt.Fprintf(w, "\ndefault config at vocabulary %d, T=%d:\n  parameters %s, active %s, embedding %s, in %s\n  FLOPs a token: training %s, prefill %s, decode %s; state %s bytes\n",
		c.Vocab, length, short(float64(c.Parameters)), short(float64(c.ActiveParameters)), short(float64(c.Embedding)), plural(len(c.Tensors), "tensor"),
		short(cost.TrainFLOPs), short(cost.PrefillFLOPs), short(cost.DecodeFLOPs), short(float64(cost.StateBytes)))
	if tensors {
		for _, t := range c.Tensors {
			fmt.Fprintf(w, "  %s %v %s\n", t.Name, t.Shape, t.DType)
		}
	}
	keys, err := schemaKeys(d.ConfigSchema)
	if err != nil {
		return fmt.Errorf("config schema of %s: %w", d.Name, err)
	}
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "KEY\tDEFAULT\tVALUES\tMEANING")
	for _, k := range keys {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", k.name, k.fallback(), k.values(), k.Description)
	}
	if err := tw.Flush(); err != nil || len(d.Presets) == 0 {
		return err
	}
	fmt.Fprintln(w, "\npresets:")
	names := make([]string, 0, len(d.Presets))
	for name := range d.Presets {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(w, "  %s: %s\n", name, d.Presets[name])
	}
	return nil
}

// capabilities lists what a family can do beside training and scoring.
func capabilities(c family.Capabilities) []string {
	var out []string
	for _, k := range []struct {
		name string
		has  bool
	}{{"decode", c.Decode}, {"trace", c.Trace}, {"draft heads", c.DraftHeads}, {"quantize " + strings.Join(c.Quantize, " "), len(c.Quantize) > 0}} {
		if k.has {
			out = append(out, k.name)
		}
	}
	for _, p := range c.Precisions {
		out = append(out, string(p))
	}
	return out
}

// schemaKey is one property of a config schema.
type schemaKey struct {
	name             string
	Type             any             `json:"type"`
	Description      string          `json:"description"`
	Default          json.RawMessage `json:"default"`
	Enum             []any           `json:"enum"`
	Minimum          *float64        `json:"minimum"`
	Maximum          *float64        `json:"maximum"`
	ExclusiveMinimum *float64        `json:"exclusiveMinimum"`
	ExclusiveMaximum *float64        `json:"exclusiveMaximum"`
}

// schemaKeys reads the properties of a JSON Schema in the schema's own order, which is the author's.
func schemaKeys(raw json.RawMessage) ([]schemaKey, error) {
	var schema struct {
		Properties json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(schema.Properties))
	if _, err := dec.Token(); err != nil { // "{"; io.EOF when there are no properties
		return nil, nil
	}
	var out []schemaKey
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		k := schemaKey{name: fmt.Sprint(name)}
		if err := dec.Decode(&k); err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		out = append(out, k)
	}
	return out, nil
}

// fallback is the value of a key that is not given.
func (k schemaKey) fallback() string {
	if len(k.Default) == 0 {
		return "-"
	}
	var text string
	if json.Unmarshal(k.Default, &text) == nil {
		return text
	}
	return string(k.Default)
}

// values says what a key may be set to.
func (k schemaKey) values() string {
	if len(k.Enum) > 0 {
		words := make([]string, len(k.Enum))
		for i, e := range k.Enum {
			words[i] = fmt.Sprint(e)
		}
		return strings.Join(words, "|")
	}
	var parts []string
	for _, b := range []struct {
		word  string
		bound *float64
	}{{"above", k.ExclusiveMinimum}, {"from", k.Minimum}, {"to", k.Maximum}, {"below", k.ExclusiveMaximum}} {
		if b.bound != nil {
			text := strconv.FormatFloat(*b.bound, 'g', -1, 64)
			if *b.bound == math.Trunc(*b.bound) && math.Abs(*b.bound) <= 1<<31 {
				text = strconv.FormatFloat(*b.bound, 'f', 0, 64)
			}
			parts = append(parts, b.word+" "+text)
		}
	}
	if len(parts) == 0 {
		if k.Type == nil {
			return "any"
		}
		return strings.Trim(fmt.Sprint(k.Type), "[]")
	}
	return strings.Join(parts, " ")
}
