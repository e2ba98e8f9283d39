package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Status is a check's verdict.
type Status string

// The verdicts.
const (
	Pass Status = "pass"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Result is what one check found on one config.
type Result struct {
	Check     string    `json:"check"`
	Meaning   string    `json:"meaning"`
	Config    string    `json:"config,omitempty"` // empty for checks of the family as a whole
	Status    Status    `json:"status"`
	Measured  float64   `json:"-"` // largest figure; may be infinite
	Tolerance Tolerance `json:"tolerance"`
	Skipped   string    `json:"skipped,omitempty"`  // why the check did not apply
	Failures  []string  `json:"failures,omitempty"` // what was expected and seen; the first few
	More      int       `json:"more,omitempty"`     // failures beyond those listed
	Notes     []string  `json:"notes,omitempty"`
	Seconds   float64   `json:"seconds"`

	measured   bool
	violations int
}

// MarshalJSON writes the measured figure as a number, or as a string where JSON has no number for it.
func (r Result) MarshalJSON() ([]byte, error) {
	type plain Result
	var m any = r.Measured
	if math.IsNaN(r.Measured) || math.IsInf(r.Measured, 0) {
		m = fmt.Sprint(r.Measured)
	}
	return json.Marshal(struct {
		plain
		Measured any `json:"measured"`
	}{plain(r), m})
}

// Report is the outcome of Run.
type Report struct {
	Family    string           `json:"family"`
	Version   string           `json:"version"`
	Precision family.Precision `json:"precision"`
	Passed    int              `json:"passed"`
	Failed    int              `json:"failed"`
	Skipped   int              `json:"skipped"`
	Results   []Result         `json:"results"`
	Seconds   float64          `json:"seconds"`
}

// OK says that nothing failed and something passed.
func (r *Report) OK() bool { return r.Failed == 0 && r.Passed > 0 }

// FailedChecks lists the names of failed checks in order, each once.
func (r *Report) FailedChecks() []string {
	var names []string
	seen := map[string]bool{}
	for _, x := range r.Results {
		if x.Status == Fail && !seen[x.Check] {
			seen[x.Check] = true
			names = append(names, x.Check)
		}
	}
	return names
}

func (r *Report) add(x Result) {
	switch x.Status {
	case Pass:
		r.Passed++
	case Fail:
		r.Failed++
	case Skip:
		r.Skipped++
	}
	r.Results = append(r.Results, x)
}

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// WriteTable writes one line a check, the failures in full below their line, and a summary.
func (r *Report) WriteTable(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s, %s\n", r.Family, r.Version, r.Precision)
	width := 0
	for _, x := range r.Results {
		width = max(width, len(x.Check))
	}
	config := "\x00"
	for _, x := range r.Results {
		if x.Config != config {
			config = x.Config
			title := "the family"
			if config != "" {
				title = "config " + config
			}
			fmt.Fprintf(&b, "\n%s\n", title)
		}
		fmt.Fprintf(&b, "  %-4s  %-*s  %-22s  %s\n", x.Status, width, x.Check, x.figure(), x.Meaning)
		if x.Skipped != "" {
			fmt.Fprintf(&b, "        %s\n", x.Skipped)
		}
		if x.Status == Fail {
			for _, f := range x.Failures {
				fmt.Fprintf(&b, "        - %s\n", strings.ReplaceAll(f, "\n", "\n          "))
			}
			if x.More > 0 {
				fmt.Fprintf(&b, "        - and %d more\n", x.More)
			}
			fmt.Fprintf(&b, "        tolerance: %g: %s\n", x.Tolerance.Value, x.Tolerance.Reason)
		}
		for _, n := range x.Notes {
			fmt.Fprintf(&b, "        note: %s\n", n)
		}
	}
	verdict := "conforms"
	if !r.OK() {
		verdict = "does not conform"
	}
	fmt.Fprintf(&b, "\n%s: %d passed, %d failed, %d skipped in %s\n", verdict, r.Passed, r.Failed, r.Skipped,
		time.Duration(r.Seconds*float64(time.Second)).Round(time.Millisecond))
	_, err := io.WriteString(w, b.String())
	return err
}

// figure reads "3.1e-07 <= 1e-05", or "exact".
func (x Result) figure() string {
	switch {
	case x.Status == Skip:
		return "-"
	case !x.measured:
		return "no figure"
	case x.Tolerance.Value == 0 && x.Measured == 0:
		return "exact"
	case x.Tolerance.Value == 0:
		return fmt.Sprintf("%.3g, want 0", x.Measured)
	case x.Measured <= x.Tolerance.Value:
		return fmt.Sprintf("%.2g <= %g", x.Measured, x.Tolerance.Value)
	}
	return fmt.Sprintf("%.2g > %g", x.Measured, x.Tolerance.Value)
}
