package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// Family makes a family of the contract from a spec.
func Family[C any](spec Spec[C]) family.Family { return &builder[C]{spec} }

type builder[C any] struct{ spec Spec[C] }

// Describe fills in what follows from the spec.
func (b *builder[C]) Describe(context.Context) (family.Description, error) {
	d := b.spec.Description
	var names []string
	if len(b.spec.Presets) > 0 {
		d.Presets = map[string]string{}
	}
	for _, p := range b.spec.Presets {
		names = append(names, p.Name)
		d.Presets[p.Name] = p.Summary
	}
	schema, err := schemaWith(b.spec.Default, names, b.spec.Examples, b.spec.Plain)
	if err != nil {
		return family.Description{}, family.Errorf(family.Internal, "config_schema", "%v", err)
	}
	d.ConfigSchema = schema
	d.Capabilities.Decode = true
	d.Capabilities.Precisions = precisions()
	d.Capabilities.Optimizers = engine.Optimizers()
	d.Capabilities.Recompute = []string{family.RecomputeBlock}
	return d, nil
}

// Build checks the request, makes the card, and unless only that was asked for, the model.
func (b *builder[C]) Build(ctx context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	if err := checkBuild(req); err != nil {
		return nil, family.Card{}, err
	}
	config, preset, err := b.config(req.Config)
	if err != nil {
		return nil, family.Card{}, err
	}
	arch, err := b.spec.New(config, req.Vocab, req.Context)
	if err != nil {
		var typed *family.Error
		if !errors.As(err, &typed) {
			err = invalid("", "%v", err)
		}
		return nil, family.Card{}, err
	}
	resolved := any(config)
	if r, ok := arch.(Resolver); ok {
		resolved = r.Resolve()
	}
	raw, err := resolvedConfig(resolved, preset)
	if err != nil {
		return nil, family.Card{}, family.Errorf(family.Internal, "config", "%v", err)
	}
	params, limit, err := parameters(arch)
	if err != nil {
		return nil, family.Card{}, err
	}
	card, err := makeCard(ctx, b.spec.Description.Name, raw, arch, params, req)
	if err != nil {
		return nil, family.Card{}, err
	}
	if req.CardOnly {
		return nil, card, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, family.Card{}, canceled(err)
	}
	m, err := newModel(arch, params, limit, card, req)
	if err != nil {
		return nil, family.Card{}, err
	}
	return m, card, nil
}

func checkBuild(req family.BuildRequest) error {
	switch {
	case req.Vocab < 1:
		return family.Errorf(family.InvalidArgument, "vocab", "got %d, want at least 1", req.Vocab)
	case req.Context < 0:
		return family.Errorf(family.InvalidArgument, "context", "got %d, want at least 0", req.Context)
	case req.Recompute != "" && req.Recompute != family.RecomputeBlock:
		return family.Errorf(family.InvalidArgument, "recompute", "got %q, want nothing or %q", req.Recompute, family.RecomputeBlock)
	case req.Threads < 0:
		return family.Errorf(family.InvalidArgument, "threads", "got %d, want at least 0", req.Threads)
	case req.Precision != "" && !slices.Contains(precisions(), req.Precision):
		return family.Errorf(family.InvalidArgument, "precision", "got %q, want one of %v", req.Precision, precisions())
	}
	for i, t := range req.Lengths {
		if t < 1 {
			return family.Errorf(family.InvalidArgument, fmt.Sprintf("lengths[%d]", i), "got %d, want at least 1", t)
		}
	}
	return nil
}

// config starts from the default, applies the preset and then the given keys.
func (b *builder[C]) config(raw json.RawMessage) (C, string, error) {
	c := b.spec.Default
	fillLists(reflect.ValueOf(&c).Elem())
	extra := []string{"preset"}
	if len(b.spec.Presets) == 0 {
		extra = nil
	}
	given, err := decodeConfig(raw, &c, extra)
	name, ok := given["preset"]
	if !ok {
		return c, "", err
	}
	var names []string
	for _, p := range b.spec.Presets {
		if p.Name == name {
			c = b.spec.Default
			fillLists(reflect.ValueOf(&c).Elem())
			p.Apply(&c)
			_, err = decodeConfig(raw, &c, extra)
			return c, name, err
		}
		names = append(names, p.Name)
	}
	e := invalid("preset", "got %q, want one of %v", name, names)
	if n := nearest(name, names); n != "" {
		e.Message += fmt.Sprintf("; did you mean %q?", n)
	}
	return c, "", e
}

// resolvedConfig answers the config with every key; given to Build it makes the same model.
func resolvedConfig(config any, preset string) (json.RawMessage, error) {
	raw, err := json.Marshal(config)
	if err != nil || preset == "" {
		return raw, err
	}
	p, err := json.Marshal(preset)
	if err != nil {
		return nil, err
	}
	head := `{"preset":` + string(p)
	if string(raw) == "{}" {
		return json.RawMessage(head + "}"), nil
	}
	return json.RawMessage(head + "," + string(raw[1:])), nil
}

// graphs guards graph building: Gorgonia keeps global pools and constants that are not safe for concurrent use.
var graphs sync.Mutex

// building runs f, which builds graphs, and turns the panics of builders and of Gorgonia into errors.
func building(f func() error) (err error) {
	graphs.Lock()
	defer graphs.Unlock()
	defer func() {
		switch x := recover().(type) {
		case nil:
		case *nn.ShapeError:
			err = invalid("", "%v", x)
		case *family.Error:
			err = x
		default:
			err = family.Errorf(family.Internal, "", "build: %v", x)
		}
	}()
	return f()
}

// parameters lists a model's parameters, and answers the longest sequence it takes (0: any), by building its smallest
// training graph, without any memory for them.
func parameters(arch Architecture) (specs []nn.ParamSpec, limit int, err error) {
	err = building(func() error {
		g := nn.NewGraph(1, nn.Training)
		arch.Forward(g)
		specs, limit = g.Params(), g.Limit()
		return nil
	})
	return specs, limit, err
}
