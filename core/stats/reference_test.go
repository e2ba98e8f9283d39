package stats_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	. "github.com/archlab/archlab/core/stats"
	"github.com/archlab/archlab/core/stats/statstest"
)

// reference is testdata/reference.json, which reference.py makes.
type reference struct {
	Wilson []struct {
		Correct, Alpha float64
		N              int
		Bounds         [2]float64
	}
	McNemar []struct {
		OnlyA int `json:"only_a"`
		OnlyB int `json:"only_b"`
		P     float64
	}
	Holm   struct{ P, Adjusted []float64 }
	PassAt []struct {
		N, Correct, K int
		Value         float64
	} `json:"pass_at_k"`
	Clustered struct {
		X               []float64
		Cluster         []int64
		Mean, SE, Plain float64
	}
	Paired struct {
		A, B        []float64
		Permutation float64
		Bootstrap   [2]float64
		TTest       float64 `json:"t_test"`
	}
	Detectable []struct {
		N             int
		Alpha, Effect float64
	}
}

func readReference(t *testing.T) (ref reference) {
	data, err := os.ReadFile("testdata/reference.json")
	if err == nil {
		err = json.Unmarshal(data, &ref)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestAgainstSciPyAndStatsmodels(t *testing.T) {
	ref := readReference(t)
	for _, x := range ref.Wilson {
		low, high := Wilson(x.Correct, x.N, x.Alpha)
		near(t, "wilson low", low, x.Bounds[0], 1e-12)
		near(t, "wilson high", high, x.Bounds[1], 1e-12)
	}
	for _, x := range ref.McNemar {
		near(t, "mcnemar", McNemar(x.OnlyA, x.OnlyB), x.P, 1e-12)
	}
	for i, p := range Holm(ref.Holm.P) {
		near(t, "holm", p, ref.Holm.Adjusted[i], 1e-12)
	}
	for _, x := range ref.PassAt {
		near(t, "pass@k", PassAtK(x.N, x.Correct, x.K), x.Value, 1e-12)
	}
	mean, se := Clustered(ref.Clustered.X, ref.Clustered.Cluster)
	near(t, "mean", mean, ref.Clustered.Mean, 1e-12)
	near(t, "clustered error", se, ref.Clustered.SE, 1e-12)
	_, se = Clustered(ref.Clustered.X, nil)
	near(t, "plain error", se, ref.Clustered.Plain, 1e-12)
	for _, x := range ref.Detectable { // statsmodels counts finds with the wrong sign as well: fewer than one in 1e5
		got := MinimumDetectable(1/math.Sqrt(float64(x.N)), float64(x.N-1), x.Alpha, 0.8)
		near(t, "detectable", got/x.Effect, 1, 1e-5)
	}
}

// The same differences as items of one seed and as seeds of one item: what is exchanged or drawn again is the same.
func TestPairedTestsAgainstSciPy(t *testing.T) {
	ref := readReference(t).Paired
	bySeed := func(name string, x []float64) (s Sample) {
		s.Name = name
		for i, v := range x {
			s.Seeds = append(s.Seeds, SeedScores{Seed: uint64(i), Num: []float64{v}, Den: []float64{1}})
		}
		return s
	}
	byItem := func(name string, x []float64) Sample {
		den := make([]float64, len(x))
		for i := range den {
			den[i] = 1
		}
		return Sample{Name: name, Seeds: []SeedScores{{Num: x, Den: den}}}
	}
	near(t, "t-test", Compare([]Sample{bySeed("a", ref.A), bySeed("b", ref.B)}, Options{Alpha: 0.05})[0].P, ref.TTest, 1e-9)
	for _, c := range []struct {
		over Unit
		of   func(string, []float64) Sample
	}{{Items, byItem}, {Seeds, bySeed}} {
		a, b, r := c.of("a", ref.A), c.of("b", ref.B), rand.New(rand.NewPCG(1, 2))
		exact, err := PairedPermutation(a, b, c.over, 1<<9, r)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "exact permutation", exact, ref.Permutation, 1e-12)
		const draws = 20_000
		drawn, _ := PairedPermutation(a, b, c.over, 1<<9-1, r)
		near(t, "511 permutations", drawn, ref.Permutation, 5*math.Sqrt(exact*(1-exact)/511))
		got, err := PairedBootstrap(a, b, c.over, draws, 0.05, r)
		if err != nil {
			t.Fatal(err)
		}
		// A bound's own standard error over resamples is about 1 % of the interval's length, for both.
		length := ref.Bootstrap[1] - ref.Bootstrap[0]
		near(t, "low", got.Low, ref.Bootstrap[0], 0.04*length)
		near(t, "high", got.High, ref.Bootstrap[1], 0.04*length)
	}
}

// What two kinds of chance may do is more than either: on average over worlds, the interval over both is the longest.
func TestBootstrapOverItemsAndSeeds(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	w := statstest.World{Scores: []float64{1, 1}, Seeds: 12, Items: 60, SeedSD: 0.02, ItemSD: 0.15}
	length := map[Unit]float64{}
	for range 20 {
		s := w.Draw(r)
		for _, over := range []Unit{Items, Seeds, Items | Seeds} {
			x, err := PairedBootstrap(s[0], s[1], over, 400, 0.05, r)
			if err != nil {
				t.Fatal(err)
			}
			length[over] += x.High - x.Low
		}
		if _, err := PairedPermutation(s[0], s[1], Items|Seeds, 10, r); err == nil {
			t.Fatal("a permutation test exchanged items and seeds at once")
		}
	}
	if both := length[Items|Seeds]; both < 1.05*length[Items] || both < 1.05*length[Seeds] || both > length[Items]+length[Seeds] {
		t.Errorf("lengths %v over items (1), seeds (2) and both (3)", length)
	}
}

func TestUnpairedSamplesAreRefused(t *testing.T) {
	one := func(seed uint64, n int) Sample {
		return Sample{Name: "x", Seeds: []SeedScores{{Seed: seed, Num: make([]float64, n), Den: make([]float64, n)}}}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range [][2]Sample{{one(1, 3), one(2, 3)}, {one(1, 3), one(1, 4)}, {one(1, 0), one(1, 0)}} {
		if _, err := PairedPermutation(c[0], c[1], Items, 10, r); err == nil {
			t.Error("a test of what is not paired")
		}
		if _, err := PairedBootstrap(c[0], c[1], Items, 10, 0.05, r); err == nil {
			t.Error("a bootstrap of what is not paired")
		}
	}
}
