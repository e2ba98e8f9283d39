package conformance

import (
	"context"
	"fmt"
	"math"

	"github.com/archlab/archlab/core/family"
)

// Check is one promise of the contract.
type Check struct {
	Name    string // stable: used in Options.Only, Config.Skip and Config.Tolerances
	Meaning string // one sentence
	// Tolerance bounds the measured figure. A value of 0 means exact: the figure then counts violations or differing values.
	Tolerance Tolerance

	half   *Tolerance                                // in precisions of 16 bits, where they need another
	family bool                                      // judged once, not for every config
	needs  func(*subject) (skip string)              // why the check does not apply, or ""
	run    func(ctx context.Context, p *probe) error // an error means that a call failed which should have answered
}

// Checks lists all checks in the order in which they run.
func Checks() []Check {
	var all []Check
	for _, group := range [][]Check{
		describeChecks, configChecks, cardChecks, activeChecks, scoreChecks, shapeChecks, decodeChecks, gradientChecks, trainChecks, optimizerChecks, resumeChecks,
		costChecks, inputChecks, cancelChecks, lifecycleChecks,
	} {
		all = append(all, group...)
	}
	return all
}

// exact is the tolerance of checks that count violations.
func exact(reason string) Tolerance { return Tolerance{0, reason} }

// Tolerances that several checks share.
var (
	// The same arithmetic at another place of a batch. Log-probabilities near -4 have a unit in the last place of 4.8e-7.
	sameArithmetic = Tolerance{1e-5, "nats; a few units in the last place of float32 after other neighbours in a sum; a leak is orders of magnitude larger (see sensitivity)"}
	// Another order of the same sums: parallel against recurrent form.
	otherOrder = Tolerance{1e-4, "nats; float32 sums in another order, through a few layers of a sharpened model; a wrong state is orders of magnitude larger (see sensitivity)"}
)

const maxFailures = 5

// probe is what a running check talks to: the subject, and where its figure and failures go.
type probe struct {
	*subject
	tol float64
	res *Result
}

// measure keeps the largest figure; NaN is larger than everything.
func (p *probe) measure(x float64) {
	if math.IsNaN(x) || x > p.res.Measured {
		p.res.Measured = x
	}
	p.res.measured = true
}

// failf records what was expected and what was seen.
func (p *probe) failf(format string, args ...any) {
	if len(p.res.Failures) < maxFailures {
		p.res.Failures = append(p.res.Failures, fmt.Sprintf(format, args...))
	} else {
		p.res.More++
	}
}

// violation is failf for checks that count.
func (p *probe) violation(format string, args ...any) {
	p.res.violations++
	p.measure(float64(p.res.violations))
	p.failf(format, args...)
}

// ok counts nothing and marks that something was looked at.
func (p *probe) ok() { p.measure(0) }

// within measures a figure against the tolerance.
func (p *probe) within(figure float64, format string, args ...any) {
	p.measure(figure)
	if !(figure <= p.tol) {
		p.failf("%s", fmt.Sprintf(format, args...))
	}
}

// close compares two runs of numbers position by position by absolute difference.
func (p *probe) close(what string, want, got []float32) {
	if len(want) != len(got) {
		p.measure(math.Inf(1))
		p.failf("%s: want %d values, got %d", what, len(want), len(got))
		return
	}
	worst, at := 0.0, -1
	for i := range want {
		d := math.Abs(float64(want[i]) - float64(got[i]))
		if want[i] == got[i] { // equal infinities
			d = 0
		}
		if math.IsNaN(d) {
			d = math.Inf(1)
		}
		if d > worst {
			worst, at = d, i
		}
	}
	p.measure(worst)
	if worst > p.tol {
		p.failf("%s: position %d: want %.7g, got %.7g (off by %.2g)", what, at, want[at], got[at], worst)
	}
}

// refused demands an error with one of the codes whose field contains field.
func (p *probe) refused(what string, err error, field string, codes ...family.Code) {
	if err == nil {
		p.violation("%s: want it refused with %v, got an answer", what, codes)
		return
	}
	var found bool
	for _, c := range codes {
		found = found || family.CodeOf(err) == c
	}
	if !found {
		p.violation("%s: want code %v, got %q: %v", what, codes, family.CodeOf(err), err)
		return
	}
	if got := fieldOf(err); field != "" && !containsField(got, field) {
		p.violation("%s: want an error that names the field %q, got %q: %v", what, field, got, err)
		return
	}
	p.ok()
}

// sprintf keeps the checks' lines short.
func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// note adds a remark to the result.
func (p *probe) note(s string) { p.res.Notes = append(p.res.Notes, s) }
