package experiment

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time in a file: 90s, 5m, 1h30m, or a plain number of seconds.
type Duration time.Duration

// Seconds answers the duration in seconds.
func (d Duration) Seconds() float64 { return time.Duration(d).Seconds() }

// String writes the duration as a file may hold it, without parts that are zero.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText makes JSON show what the file shows.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := parseDuration(string(b))
	*d = v
	return err
}

func parseDuration(s string) (Duration, error) {
	if x, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(x) {
		if math.Abs(x) > 1e9 {
			return 0, fmt.Errorf("more than 1e9 seconds")
		}
		return Duration(x * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("not a duration")
	}
	return Duration(d), nil
}

type suffix struct {
	text  string
	scale float64
}

// The suffixes of each unit, longest first. K, M, G are powers of 1000 everywhere; B alone is a billion for counts and
// nothing for bytes.
var suffixes = map[string][]suffix{
	"count":    {{"K", 1e3}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"B", 1e9}, {"T", 1e12}, {"P", 1e15}},
	"fraction": {{"%", 0.01}},
	"bytes": {{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
		{"TB", 1e12}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"B", 1}},
}

// wants says in words how a number of the unit may be written.
var wants = map[string]string{
	"":         "a number",
	"count":    "a number, e.g. 250, 32K, 1.5M or 2G",
	"fraction": "a fraction, e.g. 5% or 0.05",
	"bytes":    "a number of bytes, e.g. 4096, 8MB or 64KiB",
}

// parseNumber reads a number of the unit.
func parseNumber(s, unit string) (float64, error) {
	text, scale := strings.TrimSpace(s), 1.0
	for _, x := range suffixes[unit] {
		if rest, ok := strings.CutSuffix(text, x.text); ok {
			text, scale = strings.TrimSpace(rest), x.scale
			break
		}
	}
	if text == "" || strings.ContainsAny(text, "xXpPnNiI") { // no hexadecimal, NaN or Inf
		return 0, fmt.Errorf("want %s", wants[unit])
	}
	v, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	if err != nil {
		return 0, fmt.Errorf("want %s", wants[unit])
	}
	if unit == "fraction" && scale != 1 {
		return v / 100, nil // v*0.01 would not give the decimal's nearest number
	}
	return v * scale, nil
}

// formatNumber writes v so that parseNumber reads the same number back, with a suffix where that is exact and shorter.
func formatNumber(v float64, unit string) string {
	plain := strconv.FormatFloat(v, 'g', -1, 64)
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		plain = strconv.FormatFloat(v, 'f', -1, 64)
	}
	if v == 0 {
		return "0"
	}
	switch unit {
	case "fraction":
		if p := strconv.FormatFloat(v*100, 'g', 6, 64) + "%"; sameNumber(p, unit, v) && !strings.Contains(p, "e") {
			return p
		}
		return plain
	case "count", "bytes":
		best := plain
		for _, x := range suffixes[unit] {
			if x.scale <= 1 || x.text == "k" || x.text == "kB" || x.text == "B" || unit == "bytes" && len(x.text) == 1 {
				continue
			}
			if p := strconv.FormatFloat(v/x.scale, 'f', -1, 64) + x.text; len(p) < len(best) && sameNumber(p, unit, v) {
				best = p
			}
		}
		return best
	}
	return plain
}

func sameNumber(s, unit string, v float64) bool {
	x, err := parseNumber(s, unit)
	return err == nil && x == v
}
