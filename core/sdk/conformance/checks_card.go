package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
)

var cardChecks = []Check{
	{Name: "card", Meaning: "the card's parameters are the sizes of its tensors; active and embedding parameters are parts of them", Tolerance: exact("counts violations"), run: checkCard},
	{Name: "card-only", Meaning: "the card without a model equals the built model's, and its config builds the same card", Tolerance: exact("counts violations"), run: checkCardOnly},
	{Name: "saved-tensors", Meaning: "the saved weights hold exactly the card's tensors: names, shapes, dtypes", Tolerance: exact("counts violations"), run: checkSavedTensors},
}

func checkCard(ctx context.Context, p *probe) error {
	_, c, err := p.build(ctx)
	if err != nil {
		return err
	}
	p.ok()
	if c.Family != p.desc.Name || c.Vocab != p.opts.Vocab || c.Precision != p.opts.Precision {
		p.violation("want family %s, vocabulary %d, precision %s; got %s, %d, %s", p.desc.Name, p.opts.Vocab, p.opts.Precision, c.Family, c.Vocab, c.Precision)
	}
	sum, seen := int64(0), map[string]bool{}
	for _, t := range c.Tensors {
		n, ok := safetensors.Elements(t.Shape)
		_, known := safetensors.Size(t.DType)
		if !ok || n == 0 || !known || t.Name == "" || seen[t.Name] {
			p.violation("tensor %q %v %s: want a name of its own, a positive shape and a safetensors dtype", t.Name, t.Shape, t.DType)
		}
		seen[t.Name] = true
		sum += int64(n)
	}
	if sum != c.Parameters || sum == 0 {
		p.violation("want %d parameters, the sizes of the card's tensors, got %d", sum, c.Parameters)
	}
	if c.ActiveParameters <= 0 || c.ActiveParameters > c.Parameters {
		p.violation("want active parameters in 1..%d, got %d", c.Parameters, c.ActiveParameters)
	}
	if c.Embedding < 0 || c.Embedding > c.Parameters {
		p.violation("want embedding parameters in 0..%d, got %d", c.Parameters, c.Embedding)
	}
	if len(c.Costs) != len(costLengths) {
		p.violation("want costs at T %v, got %d of them", costLengths, len(c.Costs))
	}
	for _, t := range costLengths {
		x, ok := c.Cost(t)
		if !ok || !(x.TrainFLOPs > x.PrefillFLOPs) || !(x.PrefillFLOPs > 0) || !(x.DecodeFLOPs > 0) || x.StateBytes < 0 {
			p.violation("costs at T=%d: want training above prefill, both and decoding above 0, state bytes not below; got %+v", t, x)
		}
	}
	if !slices.IsSorted(c.Sites) && len(c.Sites) != len(slices.Compact(slices.Sorted(slices.Values(c.Sites)))) {
		p.violation("sites are listed twice: %v", c.Sites)
	}
	return nil
}

func checkCardOnly(ctx context.Context, p *probe) error {
	_, built, err := p.build(ctx)
	if err != nil {
		return err
	}
	req := p.request()
	req.CardOnly = true
	m, alone, err := p.fam.Build(ctx, req)
	if err != nil {
		return err
	}
	p.ok()
	if m != nil {
		p.violation("CardOnly answered a model")
		_ = m.Release(ctx)
	}
	p.sameCard("the card alone", built, alone)
	again, err := p.card(ctx, built.Config)
	if err != nil {
		p.violation("the card's resolved config is refused: %v", err)
		return nil
	}
	p.sameCard("the card of the resolved config", built, again)
	s, err := parseSchema(p.desc.ConfigSchema)
	if err != nil {
		return err
	}
	resolved := map[string]json.RawMessage{}
	if err := json.Unmarshal(built.Config, &resolved); err != nil {
		p.violation("the card's config is not an object: %v", err)
	}
	for _, name := range s.names() {
		if _, ok := resolved[name]; !ok && name != "preset" {
			p.violation("the card's config lacks %q: want every key with its value", name)
		}
	}
	given := map[string]json.RawMessage{}
	if err := json.Unmarshal(p.config.JSON, &given); err != nil {
		return err
	}
	for _, name := range s.names() {
		if v, ok := given[name]; ok && name != "preset" && !sameJSON(v, resolved[name]) {
			p.violation("%s: %s was asked for, the card has %s", name, v, resolved[name])
		}
	}
	return nil
}

func (p *probe) sameCard(what string, want, got family.Card) {
	a, _ := json.MarshalIndent(want, "", " ") // a card always encodes: it came over the wire or could go there
	b, _ := json.MarshalIndent(got, "", " ")
	if bytes.Equal(a, b) {
		return
	}
	x, y := bytes.Split(a, []byte("\n")), bytes.Split(b, []byte("\n"))
	for i := range min(len(x), len(y)) {
		if !bytes.Equal(x[i], y[i]) {
			p.violation("%s differs from the built model's: %s against %s", what, bytes.TrimSpace(x[i]), bytes.TrimSpace(y[i]))
			return
		}
	}
	p.violation("%s differs from the built model's in length", what)
}

func checkSavedTensors(ctx context.Context, p *probe) error {
	m, card, err := p.build(ctx)
	if err != nil {
		return err
	}
	file, err := save(ctx, m, family.Weights)
	if err != nil {
		return err
	}
	tensors, _, err := safetensors.Read(bytes.NewReader(file))
	if err != nil {
		p.violation("the saved weights: %v", err)
		return nil
	}
	p.ok()
	saved := map[string]safetensors.Tensor{}
	for _, t := range tensors {
		saved[t.Name] = t
	}
	for _, want := range card.Tensors {
		got, ok := saved[want.Name]
		if !ok {
			p.violation("tensor %s %v of the card is not in the file", want.Name, want.Shape)
		} else if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) {
			p.violation("tensor %s: the card says %s %v, the file %s %v", want.Name, want.DType, want.Shape, got.DType, got.Shape)
		}
		delete(saved, want.Name)
	}
	for _, t := range tensors {
		if _, ok := saved[t.Name]; ok {
			p.violation("tensor %s %v of the file is not on the card", t.Name, t.Shape)
		}
	}
	if _, err := save(ctx, m, family.Optimizer); err != nil {
		p.violation("the optimizer's part of a model that has not stepped: %v", err)
	}
	return nil
}
