package report

import (
	"fmt"
	"math"
	"path"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// alpha is the level of every interval and the family-wise error rate of every list of verdicts.
const alpha = 0.05

// curvePoints bounds the points of a curve in a report; longer ones are thinned evenly. The records keep them all.
const curvePoints = 400

// Build reads one or several run directories into one report.
func Build(dirs ...string) (*Report, error) {
	rep := &Report{Format: Format}
	var all []entry
	for _, dir := range dirs {
		r, err := record.Open(dir)
		if err != nil {
			return nil, err
		}
		run, rows, err := buildRun(r, len(dirs) > 1)
		if err != nil {
			return nil, fmt.Errorf("report %s: %w", dir, err)
		}
		t, err := ledger(r, rows)
		if err != nil {
			return nil, fmt.Errorf("report %s: %w", dir, err)
		}
		if t != nil {
			rep.Tunings = append(rep.Tunings, *t)
		}
		rep.Runs = append(rep.Runs, run)
		evals, err := r.Evaluations()
		if err != nil {
			return nil, fmt.Errorf("report %s: %w", dir, err)
		}
		for _, x := range evals {
			e := Eval{Run: path.Join(run.Name, run.ID), Judged: JudgeEvaluation(x)}
			e.Head, e.Lines = EvalTable(x)
			rep.Evals = append(rep.Evals, e)
		}
		all = append(all, rows...)
	}
	if err := mixed(rep.Runs); err != nil {
		return nil, err
	}
	switch len(rep.Runs) {
	case 0:
		return nil, fmt.Errorf("report: no run directory given")
	case 1:
		rep.Title = rep.Runs[0].Name
	default:
		rep.Title = fmt.Sprintf("%d runs side by side", len(rep.Runs))
	}
	rep.Notes = append(rep.Notes, incomparable(rep.Runs)...)
	rep.Comparisons, rep.Correction = compareAll(all, len(incomparable(rep.Runs)) == 0)
	for i := range all {
		all[i].row.Verdict = verdict(all[i].row, rep.Comparisons)
		rep.Rows = append(rep.Rows, all[i].row)
	}
	for _, t := range rep.Tunings {
		rep.Notes = append(rep.Notes, t.notes()...)
	}
	rep.Notes = append(rep.Notes, arithmetic(rep)...)
	rep.Notes = append(rep.Notes, recomputed(rep)...)
	return rep, nil
}

// incomparable says why models of different runs cannot be compared, nothing if they can.
func incomparable(runs []Run) []string {
	var why []string
	for _, r := range runs[1:] {
		a, b := runs[0].Data, r.Data
		name := func(r Run) string { return path.Join(r.Name, r.ID) }
		switch {
		case a.Checksum != b.Checksum || a.Corpus != b.Corpus || a.Task != b.Task:
			why = append(why, fmt.Sprintf("%s and %s have different data: their models are not compared with each other", name(runs[0]), name(r)))
		case a.EvalIdentity != b.EvalIdentity:
			why = append(why, fmt.Sprintf("%s and %s were scored on different sequences of the same data (tokenizer, context or amount differ): their models are not compared with each other", name(runs[0]), name(r)))
		}
	}
	return why
}

// entry is a row with the results it was made of.
type entry struct {
	row     Row
	text    bool
	results []record.Result
}

func buildRun(r *record.Reader, several bool) (Run, []entry, error) {
	m := r.Manifest
	run := Run{
		Name: m.Name, ID: m.ID, Description: m.Description, Archlab: m.Archlab,
		Started: m.Started.UTC().Format("2006-01-02 15:04 UTC"), State: m.State,
		Machine: m.Machine, Data: m.Data, Seeds: m.Seeds, Seconds: m.Seconds,
	}
	if calls := m.Seconds.Plugin + m.Seconds.RPC + m.Seconds.Harness; calls > 0 {
		run.Overhead = finite((m.Seconds.RPC + m.Seconds.Harness) / calls)
	}
	config, err := r.Config()
	if err != nil {
		return run, nil, err
	}
	run.Config = string(config)
	var out []entry
	for _, model := range m.Models {
		e := entry{text: m.Data.Corpus != "", row: Row{
			Name: model.Name, Run: path.Join(m.Name, m.ID), Model: model.Name, Family: model.Family, Control: model.Control,
			Plugin: model.Plugin, Papers: model.Description.Papers, Card: model.Card,
		}}
		if several {
			e.row.Name = path.Join(m.Name, m.ID, model.Name)
		}
		for _, seed := range m.Seeds {
			res, ok, err := r.Result(model.Name, seed)
			if err != nil {
				return run, nil, err
			}
			metrics, err := r.Metrics(model.Name, seed)
			if err != nil {
				return run, nil, err
			}
			if c := curve(seed, metrics, e.text); len(c.Train)+len(c.Validation) > 0 {
				e.row.Curves = append(e.row.Curves, c)
			}
			switch {
			case !ok:
				e.row.Failures = append(e.row.Failures, Failure{Seed: seed, Status: "missing", Failure: record.Failure{Message: "no result yet: the run was stopped before this seed was done"}})
			case res.Status != "finished":
				f := Failure{Seed: seed, Status: res.Status}
				if res.Failure != nil {
					f.Failure = *res.Failure
				}
				e.row.Failures = append(e.row.Failures, f)
			default:
				e.results = append(e.results, res)
			}
		}
		e.fill(m.Models)
		out = append(out, e)
	}
	return run, out, nil
}

// fill computes a row's figures from its finished results.
func (e *entry) fill(models []record.Model) {
	r := &e.row
	r.Seeds = len(e.results)
	test := func(of func(*record.Score) float64) Figure {
		return figure(e.results, func(x record.Result) (float64, bool) {
			if x.Test == nil {
				return 0, false
			}
			return of(x.Test), true
		})
	}
	of := func(f func(record.Result) float64) Figure {
		return figure(e.results, func(x record.Result) (float64, bool) { v := f(x); return v, v != 0 })
	}
	r.Loss = test(func(s *record.Score) float64 { return s.Loss })
	r.Perplexity = test(func(s *record.Score) float64 { return s.Perplexity })
	r.Accuracy = test(func(s *record.Score) float64 { return s.Accuracy })
	if e.text {
		r.BPB = test(func(s *record.Score) float64 { return s.BPB })
	} else {
		r.Sequence = test(func(s *record.Score) float64 { return s.SequenceAccuracy })
	}
	r.Validation = figure(e.results, func(x record.Result) (float64, bool) {
		if x.Validation == nil {
			return 0, false
		}
		return x.Validation.Loss, true
	})
	r.Tokens = of(func(x record.Result) float64 { return float64(x.Tokens) })
	r.FLOPs = of(func(x record.Result) float64 { return x.FLOPs })
	r.Seconds = of(func(x record.Result) float64 { return x.Seconds })
	r.Speed = of(func(x record.Result) float64 { return x.TokensPerSecond })
	r.Rate = of(func(x record.Result) float64 { return x.FLOPsPerSecond })
	r.Use = of(func(x record.Result) float64 { return x.Utilisation })
	r.PeakRSS = of(func(x record.Result) float64 { return float64(x.PeakRSS) })
	for _, x := range e.results {
		r.Skipped += x.Skipped
	}
	if len(e.results) > 0 && e.results[0].Profile != nil {
		r.Ops, r.Recomputation = e.results[0].Profile.Ops, e.results[0].Profile.Recomputation
	}
	r.Split = split(e.results)
	if n := len(r.Card.Costs); n > 0 {
		r.Cost = contextCost(r.Card)
	}
	r.Positions, r.Decode, r.TTC, r.Lengths = positions(e.results), decode(e.results), ttc(e.results), lengths(e.results)
}

// split sums where the time of all results went, nil if none says.
func split(results []record.Result) *Split {
	var s Split
	for _, x := range results {
		p := x.Phases
		s.Forward, s.Backward, s.Update = s.Forward+p.Forward, s.Backward+p.Backward, s.Update+p.Update
		s.Other += max(0, x.PluginSeconds-p.Forward-p.Backward-p.Update)
		s.RPC, s.Data = s.RPC+x.RPCSeconds, s.Data+x.DataSeconds
		s.Harness += max(0, x.HarnessSeconds-x.DataSeconds)
	}
	if s == (Split{}) {
		return nil
	}
	return &s
}

// contextCost is the cost at the length that the card lists first: the training context.
func contextCost(c family.Card) *family.Cost { return &c.Costs[0] }

func figure(results []record.Result, of func(record.Result) (float64, bool)) Figure {
	f := Figure{Values: []float64{}}
	for _, r := range results {
		if v, ok := of(r); ok && finite(v) != nil {
			f.Values = append(f.Values, v)
		}
	}
	mean, half := stats.TInterval(f.Values, alpha)
	f.Mean, f.Half = finite(mean), finite(half)
	return f
}

func curve(seed uint64, metrics []record.Metric, text bool) Curve {
	c := Curve{Seed: seed, Train: []Point{}, Validation: []Point{}}
	for _, m := range metrics {
		p := Point{Step: m.Step, Tokens: m.Tokens, FLOPs: m.FLOPs, Seconds: m.Seconds, Loss: m.Loss}
		if finite(m.Loss) == nil {
			continue
		}
		switch m.Kind {
		case "train":
			c.Train = append(c.Train, p)
		case "validation":
			if text {
				p.BPB = finite(m.BPB)
			} else {
				p.Accuracy = finite(m.Accuracy)
			}
			c.Validation = append(c.Validation, p)
		}
	}
	c.Train, c.Validation = thin(c.Train), thin(c.Validation)
	return c
}

// thin keeps at most curvePoints points, evenly spaced, the last one among them.
func thin(p []Point) []Point {
	if len(p) <= curvePoints {
		return p
	}
	out := make([]Point, curvePoints)
	for i := range out {
		out[i] = p[(i+1)*len(p)/curvePoints-1]
	}
	return out
}

func positions(results []record.Result) []Position {
	var out []Position
	var n float64
	for _, r := range results {
		if r.Test == nil {
			continue
		}
		n++
		for i, p := range r.Test.ByPosition {
			if i == len(out) {
				out = append(out, Position{From: p.From, To: p.To})
			}
			out[i].Loss += p.Loss
		}
	}
	for i := range out {
		out[i].Loss /= n
	}
	return out
}

func decode(results []record.Result) []Decode {
	var out []Decode
	var n []float64
	for _, r := range results {
		for i, d := range r.Decode {
			if i == len(out) {
				out = append(out, Decode{T: d.T, CardStateBytes: d.CardStateBytes, CardFLOPs: d.CardFLOPs})
				n = append(n, 0)
			}
			out[i].TokensPerSecond += d.TokensPerSecond
			out[i].StateBytes += float64(d.StateBytes)
			n[i]++
		}
	}
	for i := range out {
		out[i].TokensPerSecond /= n[i]
		out[i].StateBytes = math.Round(out[i].StateBytes / n[i])
	}
	return out
}

// ttc averages each point over seeds. All seeds solve the same problems, so the interval is over problems: the number of problems does
// not grow with the seeds.
func ttc(results []record.Result) []TTC {
	var out []TTC
	var n []float64
	var shares [][]float64 // by point and problem, summed over seeds
	var tries []int
	for _, r := range results {
		for i, p := range r.TTC {
			if i == len(out) {
				out = append(out, TTC{Task: p.Task, Strategy: p.Strategy, Samples: p.Samples})
				n, tries, shares = append(n, 0), append(tries, 0), append(shares, make([]float64, p.Problems))
			}
			t := &out[i]
			for k, v := range solved(p) {
				shares[i][k] += v
			}
			tries[i] += max(1, p.Tries)
			t.Tokens, t.FLOPs, t.Seconds = t.Tokens+p.Tokens, t.FLOPs+p.FLOPs, t.Seconds+p.Seconds
			n[i]++
		}
	}
	for i := range out {
		t := &out[i]
		for k := range shares[i] {
			shares[i][k] /= n[i]
		}
		x := stats.Shares(shares[i], tries[i], alpha)
		t.Accuracy, t.Low, t.High = x.Estimate, x.Low, x.High
		t.Tokens, t.FLOPs, t.Seconds = t.Tokens/n[i], t.FLOPs/n[i], t.Seconds/n[i]
	}
	return out
}

// solved answers each problem's share of success: 0 or 1 where the strategy decided it.
func solved(p record.TTCPoint) []float64 {
	if p.Shares != nil {
		return p.Shares
	}
	out := make([]float64, len(p.Solved))
	for i, ok := range p.Solved {
		if ok {
			out[i] = 1
		}
	}
	return out
}
