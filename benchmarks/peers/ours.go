package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	measure "github.com/archlab/archlab/core/bench"
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/host"
	"github.com/archlab/archlab/plugins/mamba"
	"github.com/archlab/archlab/plugins/moe"
	"github.com/archlab/archlab/plugins/mtp"
	"github.com/archlab/archlab/plugins/transformer"
)

// builtins are served by processes of their own, as archlab serves them.
var builtins = map[string]func() family.Family{
	"mamba": mamba.Family, "moe": moe.Family, "mtp": mtp.Family, "transformer": transformer.Family,
}

// fleet launches our families.
type fleet struct{ host *host.Host }

func newFleet() *fleet {
	var names []string
	for n := range builtins {
		names = append(names, n)
	}
	slices.Sort(names)
	return &fleet{host.New(host.Options{Builtins: names})}
}

func (f *fleet) close() { _ = f.host.Close() }

// ours is a family's training in its plugin process.
type ours struct {
	ctx     context.Context
	plugin  *host.Plugin
	trial   *measure.Trial
	card    family.Card
	context int
}

// enter builds one of our models and takes its first steps.
func (b *bench) enter(name, fam, config string, vocab, batch, length int, precision family.Precision) (*entrant, error) {
	p, err := b.fleet.host.Launch(b.ctx, fam)
	if err != nil {
		return nil, err
	}
	w := measure.Workload{Name: name, Family: fam, Config: json.RawMessage(config), Precision: precision, Vocab: vocab, Batch: batch, Context: length, Threads: b.threads}
	m, card, err := p.Family().Build(b.ctx, w.BuildRequest())
	if err == nil {
		var t *measure.Trial
		if t, err = measure.NewTrial(b.ctx, w, measure.Session{Model: m, Card: card, PeakRSS: p.PeakRSS}); err == nil {
			return &entrant{name: name, tokens: batch * length, each: 1, runner: &ours{b.ctx, p, t, card, length}}, nil
		}
	}
	_ = p.Close()
	return nil, fmt.Errorf("%s: %w", name, err)
}

func (o *ours) steps(n int) ([]float64, error) {
	before := len(o.trial.Seconds())
	if err := o.trial.Run(o.ctx, n); err != nil {
		return nil, err
	}
	return o.trial.Seconds()[before:], nil
}

func (o *ours) peakRSS() int64 { return o.plugin.PeakRSS() }
func (o *ours) close()         { _ = o.plugin.Close() }

// tokenFLOPs is what training one token takes, by the card.
func (e *entrant) tokenFLOPs() float64 {
	o := e.runner.(*ours)
	c, _ := o.card.Cost(o.context)
	return c.TrainFLOPs
}

// profile is where the steps' time went.
func (b *bench) profile(e *entrant) (*measure.Training, error) {
	return e.runner.(*ours).trial.Result(b.ctx, &b.results.Machine)
}

func python() string {
	if _, err := os.Stat("/usr/bin/python3"); err == nil { // Debian's, which sees python3-torch
		return "/usr/bin/python3"
	}
	return "python3"
}
