package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"

	"github.com/archlab/archlab/core/family"
)

//go:embed assets/report.html.tmpl
var pageSource string

//go:embed assets/style.css
var style string

//go:embed assets/chart.js
var chartScript string

//go:embed assets/report.js
var pageScript string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"si": si, "size": size, "duration": duration, "percent": percent, "fixed": fixed, "signed": signed, "pvalue": pvalue,
	"optional": optional, "seeds": seedList,
	"rate": func(work float64, nanoseconds int64) string {
		if work == 0 || nanoseconds == 0 {
			return dash
		}
		return si(work / float64(nanoseconds) * 1e9)
	},
	"ns":    func(v int64) string { return duration(float64(v) / 1e9) },
	"bytes": func(v int64) string { return size(float64(v)) },
	"count": func(v int64) string { return si(float64(v)) },
	"color": func(i int) template.CSS { return template.CSS(fmt.Sprintf("var(--c%d)", i%8)) },
	// Kinds of ops are more than the palette of models holds: hues go around by the golden angle.
	"opcolor": func(i int) template.CSS { return template.CSS(fmt.Sprintf("hsl(%d 55%% %d%%)", i*137%360, 46+i%3*9)) },
	"fixedp":  func(v *float64) string { return optional(v, fixed) },
	"signedp": func(v *float64) string { return optional(v, signed) },
	"pv":      func(v *float64) string { return optional(v, pvalue) },
	"cells":   TaskScore.Cells,
	"forests": forests,
	"family":  Correction.text,
	"tuning":  Tuning.text,
	"trials":  func() []string { return trialHead },
	"trial":   Trial.cells,
	"plain":   func(p Pair) string { return p.text(func(s string) string { return s }) },
	"lines":   func(s []string) string { return strings.Join(s, "\n") },
}).Parse(pageSource))

// cell is one cell of the side-by-side table.
type cell struct {
	Text  string
	Class string
}

// HTML renders the report as one self-contained page that works offline.
func HTML(rep *Report) ([]byte, error) {
	data, err := json.Marshal(rep) // escapes <, > and &, so that it is safe inside a script element
	if err != nil {
		return nil, err
	}
	cols := columns(rep)
	var body [][]cell
	for _, r := range rep.Rows {
		var line []cell
		for _, c := range cols {
			x := cell{Text: c.Cell(r)}
			if c.Head == "verdict" {
				x.Class = "wrap"
			}
			line = append(line, x)
		}
		body = append(body, line)
	}
	has := func(f func(Row) bool) bool {
		for _, r := range rep.Rows {
			if f(r) {
				return true
			}
		}
		return false
	}
	view := map[string]any{
		"Ledgers": ledgers(rep),
		"Report":  rep, "Columns": cols, "Body": body, "Headline": headline(rep),
		"HasCurves":    has(func(r Row) bool { return len(r.Curves) > 0 }),
		"HasPositions": has(func(r Row) bool { return len(r.Positions) > 0 }),
		"HasDecode":    has(func(r Row) bool { return len(r.Decode) > 0 }),
		"HasLengths":   has(func(r Row) bool { return len(r.Lengths) > 0 }),
		"LengthHead":   TaskHead,
		"HasTTC":       has(func(r Row) bool { return len(r.TTC) > 0 }),
		"HasOps":       has(func(r Row) bool { return len(r.Ops) > 0 }),
		"HasFailures":  has(func(r Row) bool { return len(r.Failures) > 0 }),
		"Ops":          opShares(rep),
		"Style":        template.CSS(style),
		"Scripts":      template.JS(chartScript + pageScript),
		"Data":         template.JS(data),
	}
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// opShare is one model's time split for the bars.
type opShare struct {
	Name  string
	Use   string // of the machine's FP32 peak
	Split []share
	Ops   []share
	Table []family.OpProfile
}

type share struct {
	Op      string
	Percent float64
	Color   int
}

// opShares keeps each model's seven largest kinds of op and sums the rest.
func opShares(rep *Report) []opShare {
	hue := map[string]int{}
	var out []opShare
	for _, r := range rep.Rows {
		total := int64(0)
		for _, o := range r.Ops {
			total += o.Nanoseconds
		}
		if total == 0 {
			continue
		}
		s := opShare{Name: r.Name, Use: r.Use.plain(percent), Table: r.Ops}
		if r.Split != nil {
			s.Split = r.Split.parts()
		}
		rest := 100.0
		for i, o := range r.Ops {
			if i == 7 {
				break
			}
			if _, ok := hue[o.Op]; !ok {
				hue[o.Op] = len(hue)
			}
			p := 100 * float64(o.Nanoseconds) / float64(total)
			rest -= p
			s.Ops = append(s.Ops, share{o.Op, p, hue[o.Op]})
		}
		if rest > 0.05 {
			s.Ops = append(s.Ops, share{"the rest", rest, -1})
		}
		out = append(out, s)
	}
	return out
}

// forest is one comparison drawn as intervals around zero.
type forest struct {
	Comparison
	Lines []forestLine
	Zero  float64 // position of zero, in percent of the width
}

type forestLine struct {
	Pair
	Interval    string
	Known       bool
	Left, Width float64 // of the interval, in percent
	Point       float64
}

func forests(list []Comparison) []forest {
	var out []forest
	for _, c := range list {
		f := forest{Comparison: c}
		reach := 0.0
		for _, p := range c.Pairs {
			// Intervals that are many times wider than the differences would hide them: the picture is cut at 4 times the
			// largest difference, the numbers are not.
			if p.Difference != nil {
				reach = max(reach, 4*abs(*p.Difference))
			}
		}
		widest := 0.0
		for _, p := range c.Pairs {
			if p.Low != nil && p.High != nil {
				widest = max(widest, abs(*p.Low), abs(*p.High))
			}
		}
		if reach == 0 || widest < reach {
			reach = widest
		}
		if reach == 0 {
			reach = 1
		}
		at := func(v float64) float64 { return 50 + 50*min(1, max(-1, v/reach)) }
		f.Zero = 50
		for _, p := range c.Pairs {
			l := forestLine{Pair: p, Interval: p.interval()}
			if p.Difference != nil {
				l.Known, l.Point = true, at(*p.Difference)
				l.Left, l.Width = l.Point, 0
				if p.Low != nil && p.High != nil {
					l.Left = at(*p.Low)
					l.Width = at(*p.High) - l.Left
				}
			}
			f.Lines = append(f.Lines, l)
		}
		out = append(out, f)
	}
	return out
}

func abs(v float64) float64 { return max(v, -v) }

// ledgerView is a tuning ledger as a table of models by learning rate.
type ledgerView struct {
	Tuning
	Head  []string
	Lines []ledgerLine
}

type ledgerLine struct {
	Model string
	Cells []cell
}

func ledgers(rep *Report) []ledgerView {
	var out []ledgerView
	for _, t := range rep.Tunings {
		head, lines, chosen := t.grid()
		v := ledgerView{Tuning: t, Head: head}
		for i, m := range t.Models {
			l := ledgerLine{Model: m.Model}
			for k, text := range lines[i] {
				c := cell{Text: text}
				if k == chosen[i] {
					c.Class = "chosen"
				}
				l.Cells = append(l.Cells, c)
			}
			v.Lines = append(v.Lines, l)
		}
		out = append(out, v)
	}
	return out
}
