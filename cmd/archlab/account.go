package main

import (
	"context"
	"time"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
)

// account keeps the manifest's seconds over the sessions of a run. It writes them with every checkpoint, so that a killed
// session loses of the total what it loses of the training: what came after its last checkpoint.
type account struct {
	run    *record.Run
	m      *record.Manifest
	begin  time.Time
	before float64 // total seconds of earlier sessions
}

func newAccount(run *record.Run, m *record.Manifest, begin time.Time) *account {
	return &account{run: run, m: m, begin: begin, before: m.Seconds.Total}
}

// write brings the total up to date and writes the manifest.
func (a *account) write() error {
	a.m.Seconds.Total = a.before + time.Since(a.begin).Seconds()
	return a.run.WriteManifest(*a.m)
}

// sink passes events on and writes the manifest where something has become lasting. Events and evaluations come from the
// one goroutine that trains.
func (a *account) sink(next train.Sink) train.Sink {
	return train.SinkFunc(func(e train.Event) {
		if e.Kind == train.Saved || e.Kind == train.End {
			_ = a.write() // what stays wrong comes back at the end of the session
		}
		next.Event(e)
	})
}

// evaluate charges the time of evaluations.
func (a *account) evaluate(next train.Evaluate) train.Evaluate {
	return func(ctx context.Context, t *train.Trained) error {
		begin := time.Now()
		err := next(ctx, t)
		a.m.Seconds.Eval += time.Since(begin).Seconds()
		return err
	}
}

// trained takes over what the trainings of all sessions came to.
func (a *account) trained(s record.RunSeconds) {
	m := &a.m.Seconds
	m.Train, m.Plugin, m.RPC, m.Harness, m.Checkpoint = s.Train, s.Plugin, s.RPC, s.Harness, s.Checkpoint
}
