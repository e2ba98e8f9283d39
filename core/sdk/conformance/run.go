package conformance

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Run judges a family. It never fails itself: a family that cannot even be described has a report that says so.
func Run(ctx context.Context, fam family.Family, opts Options) *Report {
	start := time.Now()
	report := &Report{}
	walk(ctx, fam, opts, report, func(c Check, config string, judge func() Result) { report.add(judge()) })
	report.Seconds = time.Since(start).Seconds()
	return report
}

// Test runs each check of each config as a subtest named CONFIG/CHECK.
func Test(t *testing.T, fam family.Family, opts Options) {
	t.Helper()
	walk(t.Context(), fam, opts, &Report{}, func(c Check, config string, judge func() Result) {
		if config == "" {
			config = "family"
		}
		t.Run(config+"/"+c.Name, func(t *testing.T) {
			r := judge()
			switch r.Status {
			case Skip:
				t.Skip(r.Skipped)
			case Fail:
				t.Errorf("%s\n%s, measured %s\n- %s", r.Meaning, r.Tolerance.Reason, r.figure(), strings.Join(r.Failures, "\n- "))
				if r.More > 0 {
					t.Logf("and %d more", r.More)
				}
			default:
				t.Logf("%s", r.figure())
			}
		})
	})
}

// walk visits the family's checks, then every config's, in order.
func walk(ctx context.Context, fam family.Family, opts Options, report *Report, visit func(Check, string, func() Result)) {
	opts = opts.withDefaults()
	desc, err := fam.Describe(ctx)
	if err != nil {
		c := describeChecks[0]
		visit(c, "", func() Result {
			return Result{Check: c.Name, Meaning: c.Meaning, Status: Fail, Tolerance: c.Tolerance, Failures: []string{"Describe: " + err.Error()}}
		})
		return
	}
	report.Family, report.Version, report.Precision = desc.Name, desc.Version, opts.Precision
	configs := opts.configs(desc)
	whole := newSubject(fam, desc, opts, configs[0])
	for _, c := range Checks() {
		if c.family && opts.wants(c) {
			visit(c, "", func() Result { return judge(ctx, c, whole) })
		}
	}
	whole.close(ctx)
	for _, config := range configs {
		s := newSubject(fam, desc, opts, config)
		for _, c := range Checks() {
			if !c.family && opts.wants(c) {
				visit(c, config.Name, func() Result {
					r := judge(ctx, c, s)
					r.Config = config.Name
					return r
				})
			}
		}
		s.close(ctx)
	}
}

func (o Options) wants(c Check) bool { return len(o.Only) == 0 || slices.Contains(o.Only, c.Name) }

// judge runs one check.
func judge(ctx context.Context, c Check, s *subject) (r Result) {
	start := time.Now()
	r = Result{Check: c.Name, Meaning: c.Meaning, Tolerance: c.Tolerance}
	defer func() { r.Seconds = time.Since(start).Seconds() }()
	if s.opts.Precision != family.FP32 && c.half != nil {
		r.Tolerance = *c.half
	}
	if t, ok := s.config.Tolerances[c.Name]; ok {
		r.Tolerance = t
	}
	if why := s.config.Skip[c.Name]; why != "" && !c.family {
		r.Status, r.Skipped = Skip, why
		return r
	}
	if c.needs != nil {
		if why := c.needs(s); why != "" {
			r.Status, r.Skipped = Skip, why
			return r
		}
	}
	p := &probe{subject: s, tol: r.Tolerance.Value, res: &r}
	if err := c.run(ctx, p); err != nil {
		p.failf("cannot be judged further: %v", err)
	}
	s.releaseTemporary(ctx)
	switch {
	case len(r.Failures) > 0:
		r.Status = Fail
	case !r.measured:
		r.Status, r.Failures = Fail, []string{"the check looked at nothing"}
	default:
		r.Status = Pass
	}
	return r
}
