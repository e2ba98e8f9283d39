package card

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Status of a check and of a card.
type Status string

// The three of them; see the package comment.
const (
	Green  Status = "green"
	Red    Status = "red"
	Broken Status = "broken"
)

// Judged is a check in one case with what was seen.
type Judged struct {
	Case     string    `json:"case,omitempty"`
	That     string    `json:"that"`
	Expected string    `json:"expected"`
	Seen     string    `json:"seen"`
	Values   []float64 `json:"values,omitempty"` // by seed
	Status   Status    `json:"status"`
}

// Verdict is a card with what was seen.
type Verdict struct {
	Card    string   `json:"card"`
	Claim   string   `json:"claim"`
	Paper   string   `json:"paper"` // cited, with the place
	Setting string   `json:"setting"`
	Scaled  []string `json:"scaled,omitempty"`
	Sets    []string `json:"set,omitempty"` // overrides of the command line: the card's experiment was changed
	Status  Status   `json:"status"`
	Checks  []Judged `json:"checks"`
	Beside  []Beside `json:"beside,omitempty"`
	Notes   []string `json:"notes,omitempty"`
	Runs    []string `json:"runs"`          // directories
	Seconds float64  `json:"seconds"`       // that the runs took, when they were made
	Why     string   `json:"why,omitempty"` // it is broken as a whole
	Machine string   `json:"machine"`       // where the runs were made
	Archlab string   `json:"archlab"`       // the version that made them
	Cached  bool     `json:"cached"`        // no run was made for it
}

// Judge holds the checks against the runs, one of each case.
func (c *Card) Judge(runs []*Run) Verdict {
	v := c.Verdict()
	for _, k := range c.Checks {
		for _, name := range k.in(c) {
			v.Checks = append(v.Checks, k.judge(c, runs, name))
		}
	}
	v.Status = Green
	for _, j := range v.Checks {
		if j.Status == Broken || j.Status == Red && v.Status == Green {
			v.Status = j.Status
		}
	}
	for _, r := range runs {
		v.Runs = append(v.Runs, r.Dir)
		v.Beside = append(v.Beside, c.beside(r)...)
		for _, x := range r.Report.Runs {
			v.Seconds += x.Seconds.Total
			v.Machine, v.Archlab = machine(x.Machine), x.Archlab
		}
	}
	return v
}

// Fail is the verdict on a card whose runs could not be made.
func (c *Card) Fail(err error) Verdict {
	v := c.Verdict()
	v.Status, v.Why = Broken, err.Error()
	return v
}

// Verdict is what is said of a card before it is judged.
func (c *Card) Verdict() Verdict {
	return Verdict{Card: c.Name, Claim: c.Claim, Paper: c.Paper.Cite + ", " + c.Paper.Where, Setting: c.Setting, Scaled: c.Scaled, Notes: c.Notes, Checks: []Judged{}, Runs: []string{}}
}

func (k Check) judge(c *Card, runs []*Run, name string) Judged {
	j := Judged{Case: name, That: k.That, Expected: k.Expected(), Status: Broken}
	at := slices.IndexFunc(runs, func(r *Run) bool { return r.Case == name })
	if at < 0 {
		j.Seen = "no run"
		return j
	}
	values, err := k.values(runs[at])
	if err != nil {
		j.Seen = err.Error()
		return j
	}
	j.Values, j.Seen = values, k.show(values)
	holds := k.holds(values)
	if k.Decided {
		p, err := runs[at].pair(k.Model, k.Over, k.headline())
		if err != nil {
			j.Seen = err.Error()
			return j
		}
		holds = holds && p.Decided && p.Verdict == k.Model
		if p.Low != nil && p.High != nil {
			j.Seen += fmt.Sprintf(" [%s, %s]", number(*p.Low), number(*p.High))
		}
		if p.Decided {
			j.Seen += ", decided for " + p.Verdict
		} else {
			j.Seen += ", " + p.Verdict
		}
		if p.OneText() {
			j.Seen += " on this text alone"
		}
	}
	j.Status = Red
	if holds {
		j.Status = Green
	}
	return j
}

// headline is the measure that the report compares by: of text it is bits per byte, which the loss is but for a factor.
func (k Check) headline() string {
	if k.Measure == "loss" {
		return "bpb"
	}
	return k.Measure
}

// values answers what is judged, by seed.
func (k Check) values(r *Run) ([]float64, error) {
	a, err := r.values(k.Model, k)
	if err != nil || k.Over == "" {
		return a, err
	}
	b, err := r.values(k.Over, k)
	if err != nil {
		return nil, err
	}
	if len(b) == 1 && len(a) > 1 { // a control has one result for all seeds
		b = slices.Repeat(b, len(a))
	}
	if len(a) != len(b) {
		return nil, errors.New("the two models have results of different seeds")
	}
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out, nil
}

// rounding is what sums of float64 may be off: a mean of 0.1 and 0.2 is at most 0.15.
const rounding = 1e-9

// holds answers whether the values meet the bound; without a bound they do.
func (k Check) holds(values []float64) bool {
	if k.Seeds == "mean" {
		values = []float64{mean(values)}
	}
	for _, x := range values {
		switch {
		case k.AtLeast != nil && !(x >= *k.AtLeast-rounding), k.AtMost != nil && !(x <= *k.AtMost+rounding), k.Near != nil && !(math.Abs(x-*k.Near) <= *k.Within+rounding):
			return false
		}
	}
	return true
}

// Expected says what a check wants: "accuracy of attention >= 0.99, every seed".
func (k Check) Expected() string {
	var want []string
	switch {
	case k.AtLeast != nil:
		want = append(want, ">= "+number(*k.AtLeast))
	case k.AtMost != nil:
		want = append(want, "<= "+number(*k.AtMost))
	case k.Near != nil:
		want = append(want, number(*k.Near)+" within "+number(*k.Within))
	}
	if k.Decided {
		want = append(want, "decided for "+k.Model)
	}
	if k.Seeds == "every" {
		want = append(want, "every seed")
	}
	return k.subject() + " " + strings.Join(want, ", ")
}

// subject says what is measured: "accuracy of attention - mamba".
func (k Check) subject() string {
	s := strings.ReplaceAll(k.Measure, "_", " ") + " of " + k.Model
	if k.Over != "" {
		s += " - " + k.Over
	}
	if k.Split != "test" {
		s += " on " + k.Split
	}
	if k.Length > 0 {
		s += fmt.Sprintf(" at %d", k.Length)
	}
	return s
}

// show writes the mean, and the range where there are several seeds.
func (k Check) show(values []float64) string {
	s := number(mean(values))
	if n := len(values); n > 1 {
		s += fmt.Sprintf(" (%s to %s, %d seeds)", number(slices.Min(values)), number(slices.Max(values)), n)
	}
	return s
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x
	}
	return sum / float64(len(values))
}

// number writes four decimals at most.
func number(x float64) string {
	s := strconv.FormatFloat(x, 'f', 4, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}
