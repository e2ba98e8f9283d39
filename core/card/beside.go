package card

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/archlab/archlab/core/report"
)

// Beside holds quantities of one model in one case, means over seeds, that are printed beside the checks.
type Beside struct {
	Case   string     `json:"case,omitempty"`
	Model  string     `json:"model"`
	Values []Quantity `json:"values"`
}

// Quantity is one of them; Value is nil where it was not measured.
type Quantity struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"`
}

// Text writes the value with three digits, or a dash.
func (q Quantity) Text() string {
	if q.Value == nil {
		return "-"
	}
	x := *q.Value
	for _, u := range []struct {
		scale float64
		name  string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "K"}} {
		if math.Abs(x) >= u.scale {
			if u.name == "K" {
				u.scale = 1e3
			}
			return strconv.FormatFloat(x/u.scale, 'g', 3, 64) + u.name
		}
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

// beside reads the card's quantities of every model of a run.
func (c *Card) beside(r *Run) []Beside {
	if len(c.Beside) == 0 {
		return nil
	}
	equal := equalSeconds(r.Report.Rows)
	var out []Beside
	for _, row := range r.Report.Rows {
		b := Beside{Case: r.Case, Model: row.Model}
		for _, name := range c.Beside {
			if name == "lengths" {
				b.Values = append(b.Values, byLength(r, row)...)
				continue
			}
			q := Quantity{name, quantity(row, name, equal)}
			if name == "learning_rate" && q.Value == nil && !row.Control {
				q.Value = r.rate
			}
			b.Values = append(b.Values, q)
		}
		out = append(out, b)
	}
	return out
}

// byLength is the accuracy at every length that any model of the run was tested at.
func byLength(r *Run, row report.Row) []Quantity {
	var lengths []int
	for _, x := range r.Report.Rows {
		for _, at := range x.Lengths {
			if !slices.Contains(lengths, at.Length) {
				lengths = append(lengths, at.Length)
			}
		}
	}
	slices.Sort(lengths)
	var out []Quantity
	for _, n := range lengths {
		q := Quantity{Name: fmt.Sprintf("accuracy at %d", n)}
		for _, at := range row.Lengths {
			if at.Length == n {
				q.Value = &at.Accuracy
			}
		}
		out = append(out, q)
	}
	return out
}

func quantity(row report.Row, name string, equal float64) *float64 {
	of := func(x float64) *float64 { return &x }
	switch name {
	case "params":
		return of(float64(row.Card.Parameters))
	case "active_params":
		return of(float64(row.Card.ActiveParameters))
	case "state_bytes":
		if row.Cost != nil {
			return of(float64(row.Cost.StateBytes))
		}
	case "train_flops":
		return row.FLOPs.Mean
	case "tokens":
		return row.Tokens.Mean
	case "seconds":
		return row.Seconds.Mean
	case "tokens_per_second":
		return row.Speed.Mean
	case "loss":
		return row.Loss.Mean
	case "accuracy":
		return row.Accuracy.Mean
	case "learning_rate": // chosen for this model
		return row.LearnRate
	case "loss_at_equal_seconds":
		return lossAt(row.Curves, equal)
	}
	return nil
}

// equalSeconds is the training time that every model has reached: the shortest of all courses.
func equalSeconds(rows []report.Row) float64 {
	out := math.Inf(1)
	for _, row := range rows {
		for _, c := range row.Curves {
			if n := len(c.Validation); n > 0 {
				out = math.Min(out, c.Validation[n-1].Seconds)
			}
		}
	}
	return out
}

// lossAt is the validation loss after a time of training, between two validations by a straight line, as the mean over seeds; nil
// where a seed was not validated before and after it.
func lossAt(curves []report.Curve, seconds float64) *float64 {
	sum := 0.0
	for _, c := range curves {
		x, ok := between(c.Validation, seconds)
		if !ok {
			return nil
		}
		sum += x
	}
	if len(curves) == 0 {
		return nil
	}
	sum /= float64(len(curves))
	return &sum
}

func between(points []report.Point, seconds float64) (float64, bool) {
	for i, p := range points {
		if p.Seconds < seconds {
			continue
		}
		if p.Seconds == seconds {
			return p.Loss, true
		}
		if i == 0 {
			return 0, false
		}
		before := points[i-1]
		w := (seconds - before.Seconds) / (p.Seconds - before.Seconds)
		return before.Loss + w*(p.Loss-before.Loss), true
	}
	return 0, false
}
