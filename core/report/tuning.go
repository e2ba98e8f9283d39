package report

import (
	"fmt"
	"path"
	"strconv"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
	"github.com/archlab/archlab/core/tuning"
)

// Tuning is the ledger of how a run's learning rates were chosen: the grid, every trial and every failure.
type Tuning struct {
	Run    string    `json:"run"`
	Rates  []float64 `json:"rates"`
	Seeds  []uint64  `json:"seeds"`
	Budget float64   `json:"budget"` // of a trial, as a part of a training's
	Models []Tuned   `json:"models"`
}

// Tuned is one model's part of a ledger.
type Tuned struct {
	Model  string     `json:"model"` // the row's name
	Rate   *float64   `json:"rate"`  // chosen; null where no rate finished, or none has been chosen yet
	Loss   *float64   `json:"loss"`  // of the chosen rate: validation, mean over the tuning seeds
	Edge   string     `json:"edge,omitempty"`
	Trials []Trial    `json:"trials"`
	Best   []Expected `json:"best"` // after 1, 2, ... random rates
}

// Trial is one training of the grid, scored on the validation split.
type Trial struct {
	Rate     float64  `json:"rate"`
	Seed     uint64   `json:"seed"`
	Status   string   `json:"status"`
	Why      string   `json:"why,omitempty"` // of a failure
	Steps    int      `json:"steps"`
	Tokens   int64    `json:"tokens"`
	FLOPs    float64  `json:"flops"`
	Seconds  float64  `json:"seconds"`
	Loss     *float64 `json:"loss"`
	BPB      *float64 `json:"bpb,omitempty"`
	Accuracy *float64 `json:"accuracy,omitempty"`
}

// Expected is the best validation loss that so many rates of the grid, picked at random, would have found (stats.ExpectedBest), each judged as
// the choice does: by the mean over the tuning seeds, as failed where one failed. A rate costs the trials of all its seeds.
type Expected struct {
	Rates  int      `json:"rates"`
	Loss   *float64 `json:"loss"`
	Failed float64  `json:"failed"` // chance that none of them finished
	Tokens float64  `json:"tokens"`
	FLOPs  float64  `json:"flops"`
}

// ledger reads how a run was tuned, nil where it was not.
func ledger(r *record.Reader, rows []entry) (*Tuning, error) {
	t, err := r.Tuning()
	if err != nil || t == nil {
		return nil, err
	}
	out := &Tuning{Run: path.Join(r.Manifest.Name, r.Manifest.ID), Rates: t.Rates, Seeds: t.Seeds, Budget: t.Budget}
	for i := range rows {
		row := &rows[i].row
		if row.Control {
			continue
		}
		trials, err := tuning.Trials(r, t, row.Model)
		if err != nil {
			return nil, err
		}
		m := Tuned{Model: row.Name, Trials: []Trial{}, Best: []Expected{}}
		for _, c := range t.Choices {
			if c.Model == row.Model {
				m.Rate, m.Loss, m.Edge = &c.Rate, finite(c.Loss), c.Edge
				row.LearnRate = &c.Rate
			}
		}
		for _, x := range trials {
			m.Trials = append(m.Trials, trialOf(x, rows[i].text))
		}
		m.Best = expected(t.Rates, trials)
		out.Models = append(out.Models, m)
	}
	return out, nil
}

func trialOf(x tuning.Trial, text bool) Trial {
	res := x.Result
	t := Trial{Rate: x.Rate, Seed: x.Seed, Status: res.Status, Steps: res.Steps, Tokens: res.Tokens, FLOPs: res.FLOPs, Seconds: res.Seconds, Loss: finite(x.Loss())}
	switch {
	case !x.Done:
		t.Status, t.Why = "missing", "the run was stopped before this trial was done"
	case res.Failure != nil:
		t.Why = res.Failure.Kind + ": " + res.Failure.Message
	}
	if t.Loss != nil && text {
		t.BPB = finite(res.Validation.BPB)
	} else if t.Loss != nil {
		t.Accuracy = finite(res.Validation.Accuracy)
	}
	return t
}

// expected answers the score against the number of rates, of those whose trials are all done.
func expected(rates []float64, trials []tuning.Trial) []Expected {
	var losses []float64
	tokens, flops := 0.0, 0.0
	for _, rate := range rates {
		var seeds []float64
		done, t, f := true, 0.0, 0.0
		for _, x := range trials {
			if x.Rate == rate {
				done = done && x.Done
				seeds = append(seeds, x.Loss())
				t, f = t+float64(x.Result.Tokens), f+x.Result.FLOPs
			}
		}
		if done {
			losses = append(losses, stats.Mean(seeds))
			tokens, flops = tokens+t, flops+f
		}
	}
	out := []Expected{}
	for k := 1; k <= len(losses); k++ {
		best, failed := stats.ExpectedBest(losses, k)
		part := float64(k) / float64(len(losses))
		out = append(out, Expected{Rates: k, Loss: finite(best), Failed: failed, Tokens: tokens * part, FLOPs: flops * part})
	}
	return out
}

// notes says what a reader must know of the choice.
func (t Tuning) notes() (out []string) {
	failed, all := 0, 0
	for _, m := range t.Models {
		missing := 0
		for _, x := range m.Trials {
			all++
			switch x.Status {
			case "failed":
				failed++
			case "missing":
				missing++
			}
		}
		switch {
		case m.Edge != "":
			out = append(out, fmt.Sprintf("%s trains with the %s learning rate of the grid, %s: a better one may lie beyond, and a wider grid would show it", m.Model, m.Edge, rate(*m.Rate)))
		case m.Rate == nil && missing > 0:
			out = append(out, fmt.Sprintf("%s has no learning rate yet: %d of its trials have not run", m.Model, missing))
		case m.Rate == nil:
			out = append(out, fmt.Sprintf("%s has no learning rate: none of the grid finished with every tuning seed", m.Model))
		}
	}
	if failed > 0 {
		out = append(out, fmt.Sprintf("%d of %d trials of learning rates failed in %s; they are in the ledger", failed, all, t.Run))
	}
	return out
}

func rate(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// at answers the mean validation loss of a rate, nil where a seed failed, and how many did.
func (m Tuned) at(r float64) (loss *float64, failed int) {
	var losses []float64
	for _, t := range m.Trials {
		if t.Rate != r {
			continue
		}
		if t.Loss == nil {
			failed++
			continue
		}
		losses = append(losses, *t.Loss)
	}
	if failed > 0 {
		return nil, failed
	}
	return finite(stats.Mean(losses)), 0
}

// grid is the ledger's table of models by rate: heading and lines, with the chosen one's column by model, -1 for none.
func (t Tuning) grid() (head []string, lines [][]string, chosen []int) {
	for _, r := range t.Rates {
		head = append(head, rate(r))
	}
	for _, m := range t.Models {
		line, at := make([]string, len(t.Rates)), -1
		for i, r := range t.Rates {
			loss, failed := m.at(r)
			line[i] = optional(loss, fixed)
			if failed > 0 {
				line[i] = fmt.Sprintf("%d of %d failed", failed, len(t.Seeds))
			}
			if m.Rate != nil && *m.Rate == r {
				at = i
			}
		}
		lines, chosen = append(lines, line), append(chosen, at)
	}
	return head, lines, chosen
}

// budget is the table of the expected best loss after so many random rates: one line a number of rates, one column a model.
func (t Tuning) budget() (head []string, lines [][]string) {
	most := 0
	for _, m := range t.Models {
		head = append(head, m.Model)
		most = max(most, len(m.Best))
	}
	for k := range most {
		line := []string{strconv.Itoa(k + 1)}
		for _, m := range t.Models {
			cell := dash
			if k < len(m.Best) {
				cell = optional(m.Best[k].Loss, fixed)
				if f := m.Best[k].Failed; f > 0 {
					cell += fmt.Sprintf(" (none finishes: %s)", percent(f))
				}
			}
			line = append(line, cell)
		}
		lines = append(lines, line)
	}
	return head, lines
}

// trialHead is what a table of trials says of each.
var trialHead = []string{"rate", "seed", "status", "validation loss", "bits/byte", "accuracy", "steps", "tokens", "time"}

func (x Trial) cells() []string {
	status := x.Status
	if x.Why != "" {
		status += ": " + x.Why
	}
	return []string{rate(x.Rate), strconv.FormatUint(x.Seed, 10), status, optional(x.Loss, fixed), optional(x.BPB, fixed), optional(x.Accuracy, percent),
		strconv.Itoa(x.Steps), si(float64(x.Tokens)), duration(x.Seconds)}
}

// text says what the grid was.
func (t Tuning) text() string {
	return fmt.Sprintf("Every model ran the same grid of learning rates, each with %s of the budget and with tuning seeds (%s) that no training has. "+
		"The rate with the lowest validation loss, averaged over the seeds, trained the model; a rate that failed with one of them was not chosen. "+
		"The test split was not looked at.", percent(t.Budget), seedList(t.Seeds))
}
