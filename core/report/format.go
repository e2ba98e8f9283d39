package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Numbers as people read them. Missing ones are a dash.

const dash = "–"

// si writes 1234567 as 1.23M.
func si(v float64) string {
	for _, u := range []struct {
		f float64
		s string
	}{{1e18, "E"}, {1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.f {
			return sig(v/u.f) + u.s
		}
	}
	return sig(v)
}

// sig writes three significant digits without an exponent.
func sig(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

// size writes bytes in binary units.
func size(v float64) string {
	for _, u := range []struct {
		f float64
		s string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if v >= u.f {
			return sig(v/u.f) + " " + u.s
		}
	}
	return sig(v) + " B"
}

func duration(v float64) string {
	switch {
	case v < 1:
		return sig(v*1000) + " ms"
	case v < 120:
		return sig(v) + " s"
	default:
		return time.Duration(v * float64(time.Second)).Round(time.Second).String()
	}
}

func percent(v float64) string { return sig(v*100) + " %" }
func fixed(v float64) string   { return strconv.FormatFloat(v, 'f', 4, 64) }
func signed(v float64) string  { return fmt.Sprintf("%+.4f", v) }

// text writes a figure's mean in a format, with its interval where there is one.
func (f Figure) text(format func(float64) string) string {
	if f.Mean == nil {
		return dash
	}
	s := format(*f.Mean)
	if f.Half != nil {
		s += " ± " + format(*f.Half)
	}
	return s
}

// plain writes a figure's mean alone.
func (f Figure) plain(format func(float64) string) string {
	if f.Mean == nil {
		return dash
	}
	return format(*f.Mean)
}

func optional(v *float64, format func(float64) string) string {
	if v == nil {
		return dash
	}
	return format(*v)
}

func (p Pair) interval() string {
	if p.Low == nil || p.High == nil {
		return dash
	}
	return "[" + signed(*p.Low) + ", " + signed(*p.High) + "]"
}

// text says what the family of comparisons is.
func (c Correction) text() string {
	return fmt.Sprintf("p is adjusted by %s's method over all comparisons of this report that could be judged, %d of them: where all models are equal, and their seeds "+
		"scatter alike and not in two kinds (solved or failed), one wrong verdict or more comes about with a chance of at most %s. Detectable is the difference that such an experiment finds with about 80 %% power "+
		"at the level of the most cautious of them (a dash: larger than any that can be, or unknown). Intervals are those of one difference, not adjusted.", c.Method, c.Comparisons, percent(c.Alpha))
}

func pvalue(v float64) string {
	if v < 0.001 {
		return "< 0.001"
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func seedList(seeds []uint64) string {
	s := make([]string, len(seeds))
	for i, v := range seeds {
		s[i] = strconv.FormatUint(v, 10)
	}
	return strings.Join(s, ", ")
}
