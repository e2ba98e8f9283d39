package bench

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// A plot is a picture on logarithmic axes, as SVG without scripts.
type plot struct {
	title, x, y      string
	fromX, toX       float64
	fromY, toY       float64
	lines            []line
	points           []point
	formatX, formatY func(v float64) string
}

// line is a curve; its name stands at its end.
type line struct {
	name   string
	xy     [][2]float64
	color  int
	dashed bool
	marks  bool
}

// point is one mark. Its note shows when the pointer rests on it.
type point struct {
	label, note string
	x, y        float64
	color       int
}

// Curve is a line of a plot of what was measured, or of a formula beside it.
type Curve struct {
	Name    string
	Formula bool // drawn dashed, in the color of the curve before it
	Points  [][2]float64
}

// CurvePlot draws curves on logarithmic axes as an SVG file that stands alone.
func CurvePlot(title, x, y string, curves []Curve) []byte {
	p := &plot{title: title, x: x, y: y, formatX: significant, formatY: func(v float64) string { return fmt.Sprintf("%.0e", v) }}
	hue := -1
	for _, c := range curves {
		name := c.Name
		if c.Formula {
			name = ""
		} else {
			hue++
		}
		p.lines = append(p.lines, line{name: name, xy: c.Points, color: max(hue, 0), dashed: c.Formula, marks: !c.Formula})
	}
	p.fit()
	return []byte(strings.Replace(p.svg(), "\n", "\n"+plotStyle, 1))
}

// plotStyle colors a plot outside of the page.
const plotStyle = `<style>text{font:12px system-ui,sans-serif;fill:#5b6570}.axis{stroke:#dfe3e8}polyline{fill:none;stroke-width:2}
polyline.c0{stroke:#0072b2}polyline.c1{stroke:#d55e00}polyline.c2{stroke:#009e73}polyline.c3{stroke:#cc79a7}polyline.c4{stroke:#8a6d00}
polyline.c5{stroke:#56b4e9}polyline.c6{stroke:#6f42c1}polyline.c7{stroke:#8b95a1}circle.c0{fill:#0072b2}circle.c1{fill:#d55e00}
circle.c2{fill:#009e73}circle.c3{fill:#cc79a7}circle.c4{fill:#8a6d00}circle.c5{fill:#56b4e9}circle.c6{fill:#6f42c1}circle.c7{fill:#8b95a1}</style>
<rect width="100%" height="100%" fill="#fff"/>
`

const (
	plotWidth  = 900
	plotHeight = 460
	plotLeft   = 64
	plotRight  = 150 // room for names of lines
	plotTop    = 14
	plotBottom = 46
)

func (p *plot) atX(v float64) float64 {
	return plotLeft + (plotWidth-plotLeft-plotRight)*math.Log(v/p.fromX)/math.Log(p.toX/p.fromX)
}

func (p *plot) atY(v float64) float64 {
	return plotHeight - plotBottom - (plotHeight-plotTop-plotBottom)*math.Log(v/p.fromY)/math.Log(p.toY/p.fromY)
}

// fit widens the axes to what is drawn and a little more.
func (p *plot) fit() {
	p.fromX, p.fromY, p.toX, p.toY = math.Inf(1), math.Inf(1), 0, 0
	see := func(x, y float64) {
		if x > 0 && y > 0 {
			p.fromX, p.toX = min(p.fromX, x), max(p.toX, x)
			p.fromY, p.toY = min(p.fromY, y), max(p.toY, y)
		}
	}
	for _, l := range p.lines {
		for _, v := range l.xy {
			see(v[0], v[1])
		}
	}
	for _, q := range p.points {
		see(q.x, q.y)
	}
	if p.toX == 0 {
		p.fromX, p.toX, p.fromY, p.toY = 1, 10, 1, 10
	}
	p.fromX, p.toX, p.fromY, p.toY = p.fromX/1.2, p.toX*1.2, p.fromY/1.3, p.toY*1.3
}

// svg draws the plot.
func (p *plot) svg() string {
	var b strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	w(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`+"\n", plotWidth, plotHeight, html.EscapeString(p.title))
	right, bottom := plotWidth-plotRight, plotHeight-plotBottom
	for _, v := range decades(p.fromX, p.toX) {
		w(`<line class="axis" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", p.atX(v), p.atX(v), plotTop, bottom, p.atX(v), bottom+17, p.formatX(v))
	}
	for _, v := range decades(p.fromY, p.toY) {
		w(`<line class="axis" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", plotLeft, right, p.atY(v), p.atY(v), plotLeft-7, p.atY(v)+4, p.formatY(v))
	}
	w(`<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (plotLeft+right)/2, plotHeight-8, html.EscapeString(p.x))
	w(`<text transform="rotate(-90 14 %d)" x="14" y="%d" text-anchor="middle">%s</text>`+"\n", (plotTop+bottom)/2, (plotTop+bottom)/2, html.EscapeString(p.y))
	var ends []float64 // of names already written, so that none lies on another
	for _, l := range p.lines {
		d := make([]string, len(l.xy))
		for i, v := range l.xy {
			d[i] = fmt.Sprintf("%.1f,%.1f", p.atX(v[0]), p.atY(v[1]))
		}
		dash := ""
		if l.dashed {
			dash = ` stroke-dasharray="5 4"`
		}
		w(`<polyline class="c%d" points="%s"%s/>`+"\n", l.color%8, strings.Join(d, " "), dash)
		if l.marks {
			for _, v := range l.xy {
				w(`<circle class="c%d" cx="%.1f" cy="%.1f" r="3.5"><title>%s: %s, %s</title></circle>`+"\n", l.color%8, p.atX(v[0]), p.atY(v[1]), html.EscapeString(l.name), p.formatX(v[0]), p.formatY(v[1]))
			}
		}
		if len(l.xy) > 0 && l.name != "" {
			y := p.atY(l.xy[len(l.xy)-1][1])
			for moved := true; moved; {
				moved = false
				for _, e := range ends {
					if math.Abs(e-y) < 14 {
						y, moved = e+14, true
					}
				}
			}
			ends = append(ends, y)
			w(`<text class="name" x="%d" y="%.1f">%s</text>`+"\n", right+6, y+4, html.EscapeString(l.name))
		}
	}
	for _, q := range p.points {
		w(`<g><title>%s</title><circle class="c%d" cx="%.1f" cy="%.1f" r="5"/><text class="mark" x="%.1f" y="%.1f">%s</text></g>`+"\n",
			html.EscapeString(q.note), q.color%8, p.atX(q.x), p.atY(q.y), p.atX(q.x)+7, p.atY(q.y)-5, html.EscapeString(q.label))
	}
	w("</svg>\n")
	return b.String()
}

// decades are the powers of ten within a range, of two where those are too few.
func decades(from, to float64) []float64 {
	for _, base := range []float64{10, 2} {
		var out []float64
		for e := math.Ceil(math.Log(from)/math.Log(base) - 1e-9); ; e++ {
			v := math.Pow(base, e)
			if v > to*(1+1e-9) {
				break
			}
			out = append(out, v)
		}
		if len(out) >= 3 || base == 2 {
			return out
		}
	}
	return nil
}
