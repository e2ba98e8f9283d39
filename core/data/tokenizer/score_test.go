package tokenizer

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// What was read from a file is written so that it is read as the same number; any other number loses no more than the last bits.
func TestScoreSurvivesAFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	values := []float64{0, -1, 1e-300, 1e300, -3.5, 0.1, -12.345678901234567}
	for range 20000 {
		values = append(values, -20*rng.Float64(), rng.NormFloat64()*math.Pow(10, float64(rng.IntN(40)-20)))
	}
	through := func(v score) score {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var got score
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		return got
	}
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		read, ok := parseScore(string(text))
		if !ok || math.Abs(read-v) > math.Abs(v)*1e-15 {
			t.Errorf("%s is read as %v", text, read)
		}
		if got := through(score(read)); float64(got) != read {
			t.Errorf("%s is read as %v, and once written as %v", text, read, got)
		}
	}
}

// The reference reads these as the numbers on the right, which are not the closest ones.
func TestScoreRoundsTwice(t *testing.T) {
	for text, want := range map[string]float64{
		"-7.5": -7.5, "0.3": 0.3, "12": 12, "1e3": 1000, "1.5E-2": 0.015,
		"123456789012345678901234567890": 1.2345678901234568e29, "0.00000000000000000000000000000000000001": 1e-38,
	} {
		if got, ok := parseScore(text); !ok || math.Abs(got-want) > math.Abs(want)*1e-15 {
			t.Errorf("%s: got %v, want about %v", text, got, want)
		}
	}
	exact := 0
	rng := rand.New(rand.NewPCG(7, 8))
	for range 10000 {
		v := -15 * rng.Float64()
		raw, _ := json.Marshal(v)
		if got, _ := parseScore(string(raw)); got == v {
			exact++
		}
	}
	if exact < 5000 || exact > 9900 {
		t.Errorf("%d of 10000 numbers are read as they are written: one rounding or many", exact)
	}
}
