package card

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/report"
)

// Run is what the run of one case left.
type Run struct {
	Case    string
	Dir     string
	Results []record.Result // of all models and seeds
	Report  *report.Report
	rate    *float64 // learning rate of all models, nil where each has its own
}

// ReadRun reads the records of a finished run.
func ReadRun(dir, name string) (*Run, error) {
	r, err := record.Open(dir)
	if err != nil {
		return nil, err
	}
	run := &Run{Case: name, Dir: dir}
	if run.Results, err = r.Results(); err != nil {
		return nil, err
	}
	var config struct {
		Train struct {
			Rate *float64 `json:"learning_rate"`
		} `json:"train"`
	}
	if err := json.Unmarshal(r.Manifest.Config, &config); err != nil {
		return nil, fmt.Errorf("config of %s: %w", dir, err)
	}
	run.rate = config.Train.Rate
	run.Report, err = report.Build(dir)
	return run, err
}

// values answers what a check measures of a model, by seed. It is an error when there is no result, when a seed did not finish, or when
// the measure was not taken.
func (r *Run) values(model string, k Check) ([]float64, error) {
	var out []float64
	for _, res := range r.Results {
		if res.Model != model {
			continue
		}
		if res.Status != "finished" {
			why := res.Status
			if res.Failure != nil {
				why = fmt.Sprintf("%s at step %d: %s: %s", why, res.Failure.Step, res.Failure.Kind, res.Failure.Message)
			}
			return nil, fmt.Errorf("%s seed %d %s", model, res.Seed, why)
		}
		v, err := k.value(res)
		if err != nil {
			return nil, fmt.Errorf("%s seed %d: %w", model, res.Seed, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no results of %s", model)
	}
	return out, nil
}

// value answers what a check measures of one result.
func (k Check) value(res record.Result) (float64, error) {
	if k.Length > 0 {
		return k.atLength(res)
	}
	var scores []*record.Score
	switch k.Split {
	case "validation":
		scores = []*record.Score{res.Validation}
	case "test":
		scores = []*record.Score{res.Test}
	default:
		scores = []*record.Score{res.Validation, res.Test}
	}
	sum, weight := 0.0, 0.0
	for _, s := range scores {
		if s == nil {
			return 0, fmt.Errorf("no score on %s", k.Split)
		}
		x, w := s.Accuracy, float64(s.Tokens)
		switch k.Measure {
		case "loss":
			x = s.Loss
		case "bpb":
			x, w = s.BPB, float64(s.Bytes)
		case "sequence_accuracy":
			x, w = s.SequenceAccuracy, float64(len(s.Sequences))
		}
		sum, weight = sum+x*w, weight+w
	}
	v := sum / weight
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s on %s is not a number: nothing was scored", k.Measure, k.Split)
	}
	return v, nil
}

// atLength reads the test at another length.
func (k Check) atLength(res record.Result) (float64, error) {
	for _, x := range res.Lengths {
		if x.Length != k.Length {
			continue
		}
		if k.Measure == "loss" {
			return x.Loss, nil
		}
		return x.Accuracy, nil
	}
	return 0, fmt.Errorf("not tested at length %d, which the model may not hold", k.Length)
}

// pair answers the report's comparison of two models on its headline metric, turned to a - b.
func (r *Run) pair(a, b, measure string) (report.Pair, error) {
	if all := r.Report.Comparisons; len(all) > 0 && all[0].HigherIsBetter == (measure == "accuracy") {
		for _, p := range all[0].Pairs {
			switch {
			case p.A == a && p.B == b:
				return p, nil
			case p.A == b && p.B == a:
				low, high := negative(p.High), negative(p.Low)
				p.A, p.B, p.Difference, p.Low, p.High = a, b, negative(p.Difference), low, high
				return p, nil
			}
		}
	}
	return report.Pair{}, fmt.Errorf("the report does not compare %s and %s by %s", a, b, measure)
}

func negative(x *float64) *float64 {
	if x == nil {
		return nil
	}
	y := -*x
	return &y
}
