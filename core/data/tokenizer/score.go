package tokenizer

import (
	"encoding/json"
	"math"
	"strconv"
)

// score is a float64 as the reference's JSON library reads and writes it. It reads a number as an integer of up to 64 bits times a power of
// ten, and rounds twice: the result may be a neighbour of the float64 that is closest to what is written, and where two cuts of a word
// are equally good that decides between them.
type score float64

// UnmarshalJSON reads a number.
func (s *score) UnmarshalJSON(raw []byte) error {
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return err
	}
	v, ok := parseScore(string(n))
	if !ok {
		return errorf(ErrFormat, "", "%s is no number that a float64 can hold", n)
	}
	*s = score(v)
	return nil
}

// parseScore reads a valid number of JSON.
func parseScore(n string) (float64, bool) {
	rest := n
	negative := len(rest) > 0 && rest[0] == '-'
	if negative {
		rest = rest[1:]
	}
	digits, exponent := uint64(0), 0
	fraction, full := false, false
	for rest != "" && rest[0] != 'e' && rest[0] != 'E' {
		c := rest[0]
		rest = rest[1:]
		switch d := uint64(c - '0'); {
		case c == '.':
			fraction, full = true, full && digits > 0
		case d > 9:
			return 0, false
		case full || digits > (math.MaxUint64-d)/10: // digits that find no room are zeros
			full = true
			if !fraction {
				exponent++
			}
		default:
			digits = digits*10 + d
			if fraction {
				exponent--
			}
		}
	}
	if rest != "" {
		e, err := strconv.Atoi(rest[1:])
		if err != nil || e < -1<<20 || e > 1<<20 {
			return 0, false
		}
		exponent += e
	}
	f := float64(digits)
	for ; exponent < -308 && f != 0; exponent += 308 {
		f /= 1e308
	}
	switch {
	case f == 0:
	case exponent > 308:
		return 0, false
	case exponent >= 0:
		f *= pow10(exponent)
	default:
		f /= pow10(-exponent)
	}
	if negative {
		f = -f
	}
	return f, !math.IsInf(f, 0)
}

// pow10 is 10^n, rounded once; n is from 0 to 308.
func pow10(n int) float64 {
	v, _ := strconv.ParseFloat("1e"+strconv.Itoa(n), 64)
	return v
}

// MarshalJSON writes a number that is read as s: the shortest one, or if that is read as a neighbour another integer times a power of ten.
// There is one for whatever was read; of other numbers some can't be reached, and are written as their neighbours.
func (s score) MarshalJSON() ([]byte, error) {
	v := float64(s)
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if got, ok := parseScore(string(text)); ok && got == v {
		return text, nil
	}
	for k := 1; k < 300; k++ {
		m := math.Abs(v) * pow10(k)
		if m < 1<<46 {
			continue
		}
		if m >= 1<<63 {
			break
		}
		for n := -3.0; n <= 3; n++ {
			digits := uint64(math.Round(m + n*max(1, math.Nextafter(m, math.Inf(1))-m)))
			text := strconv.FormatUint(digits, 10) + "e-" + strconv.Itoa(k)
			if v < 0 {
				text = "-" + text
			}
			if got, ok := parseScore(text); ok && got == v {
				return []byte(text), nil
			}
		}
	}
	return text, nil
}
