package bench

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
)

//go:embed page.html.tmpl
var pageSource string

var page = template.Must(template.New("bench").Funcs(template.FuncMap{
	"giga": giga, "percent": percent, "binary": binary, "milli": milli, "threads": threads, "significant": significant, "mega": mega,
	"bytes": func(n int64) string { return binary(float64(n)) },
	"inc":   func(i int) int { return i + 1 },
}).Parse(pageSource))

// HTML renders what was measured as one self-contained page that works offline: the roofline with the products, one with
// the ops of each training, and the figures as tables.
func HTML(r Report) ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	type plotted struct {
		Training *Training
		Plot     template.HTML
	}
	view := struct {
		Report
		Roofline  template.HTML
		Trainings []plotted
		Products  []Product
		Data      template.JS
	}{Report: r, Roofline: template.HTML(roofline(r.Machine, r.Machine.Threads, productPoints(r.Machine)).svg()), Data: template.JS(data)}
	for _, p := range r.Machine.Products {
		if p.Threads == r.Machine.Threads {
			view.Products = append(view.Products, p)
		}
	}
	for _, t := range r.Trainings {
		view.Trainings = append(view.Trainings, plotted{t, template.HTML(roofline(r.Machine, t.Threads, opPoints(t)).svg())})
	}
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// roofline draws the machine's limits: a rising line for each level of memory, up to a level line for each arithmetic.
func roofline(m *Machine, n int, points []point) *plot {
	p := &plot{title: "roofline, " + threads(n), x: "operations a byte", y: "operations a second", points: points, formatX: significant, formatY: compact}
	low, high, top := 1/16.0, 4096.0, 0.0
	for _, q := range points {
		low, high = min(low, q.x), max(high, q.x)
	}
	for _, a := range m.Peaks {
		if a.Threads == n {
			top = max(top, a.Operations.Median)
		}
	}
	for _, b := range m.Bandwidths {
		if b.Threads == n && b.Bytes.Median > 0 {
			reach := top / b.Bytes.Median
			p.lines = append(p.lines, line{xy: [][2]float64{{low, b.Bytes.Median * low}, {reach, top}}, color: 7})
		}
	}
	for i, a := range m.Peaks {
		if a.Threads == n {
			p.lines = append(p.lines, line{name: strings.ToUpper(a.Arithmetic) + " " + giga(a.Operations.Median) + " G/s", color: i,
				xy: [][2]float64{{low, a.Operations.Median}, {high, a.Operations.Median}}, dashed: true})
		}
	}
	p.fit()
	for _, b := range m.Bandwidths { // names along the lines, where they enter
		if b.Threads == n && b.Bytes.Median > 0 {
			x := low * 1.1
			p.points = append(p.points, point{label: fmt.Sprintf("%s %s GB/s", b.Level, giga(b.Bytes.Median)), note: "reading " + b.Level, x: x, y: b.Bytes.Median * x, color: 7})
		}
	}
	return p
}

// compact writes a rate with its unit's letter.
func compact(v float64) string {
	for _, u := range []struct {
		f float64
		s string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= u.f*(1-1e-9) {
			return significant(v/u.f) + u.s
		}
	}
	return significant(v)
}

// productPoints places the products of all threads: their intensity counts A, B and C once each.
func productPoints(m *Machine) []point {
	var out []point
	for _, p := range m.Products {
		if p.Threads != m.Threads || p.Operations.Median == 0 {
			continue
		}
		moved := 4*float64(p.M)*float64(p.K+p.N) + p.WeightBytes
		out = append(out, point{label: fmt.Sprint(len(out) + 1), note: fmt.Sprintf("%s %s %s: %s Gop/s", p.Name, p.Form, p.Weights, giga(p.Operations.Median)),
			x: p.operations() / moved, y: p.Operations.Median, color: 2})
	}
	return out
}

// opPoints places the ops that take at least one part in two hundred of a step.
func opPoints(t *Training) []point {
	var out []point
	for i, o := range t.Ops {
		if o.Share < 0.005 || o.Intensity == 0 {
			continue
		}
		out = append(out, point{label: o.Op, note: fmt.Sprintf("%s: %s of the step, %s GFLOP/s", o.Op, percent(o.Share), giga(o.FLOPs)), x: o.Intensity, y: o.FLOPs, color: i})
	}
	return out
}
