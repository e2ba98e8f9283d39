// Command statistics sees whether archlab's intervals cover and its tests err as often as they say, on data whose truth is
// known, and writes one table:
//
//	go run ./benchmarks/statistics            # benchmarks/STATISTICS.md
//	go run ./benchmarks/statistics -trials 200 -out -
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/stats"
)

func main() {
	trials := flag.Int("trials", 4000, "experiments drawn for each row")
	out := flag.String("out", "benchmarks/STATISTICS.md", "file to write, - for standard output")
	flag.Parse()
	var b strings.Builder
	err := write(&b, *trials)
	switch {
	case err != nil:
	case *out == "-":
		_, err = io.WriteString(os.Stdout, b.String())
	default:
		err = os.WriteFile(*out, []byte(b.String()), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "statistics: error:", err)
		os.Exit(1)
	}
}

// row is what one rule promises and does: the share of trials in which an event happened.
type row struct {
	rule, world string
	event       string // "covers", "errs", "finds"
	promised    float64
	hits, of    int
	careful     bool // promised is a bound: erring on the careful side is no fault
}

func (r row) share() float64 { return float64(r.hits) / float64(r.of) }

// verdict compares with what was promised, allowing four standard errors of the share.
func (r row) verdict() string {
	slack := 4 * math.Sqrt(r.promised*(1-r.promised)/float64(r.of))
	gap := r.share() - r.promised
	if r.event == "errs" {
		gap = -gap // erring more often than promised is what is wrong
	}
	switch {
	case gap < -slack:
		return "**falls short**"
	case gap > slack && !r.careful:
		return "careful"
	case gap > slack:
		return "careful, as stated"
	}
	return "as promised"
}

func write(w io.Writer, trials int) error {
	list, err := rows(trials)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "# How often the statistics are right\n\n    go run ./benchmarks/statistics -trials %d\n\n", trials)
	fmt.Fprintf(w, "%d experiments with a known truth for each row. \"covers\": the 95 %% interval holds the true difference; \"errs\": equal models are called\n"+
		"different at 5 %%; \"finds\": a difference of the size that is called detectable at 80 %% power is found. A share is compared with what is\n"+
		"promised, four of its standard errors allowed. Rows of whole reports are of a quarter as many: each writes a run's records, reads\n"+
		"them and judges.\n\n", trials)
	fmt.Fprintf(w, "| rule | data | | promised | seen | |\n|---|---|---|---|---|---|\n")
	for _, r := range list {
		fmt.Fprintf(w, "| %s | %s | %s | %.1f %% | %.1f %% | %s |\n", r.rule, r.world, r.event, 100*r.promised, 100*r.share(), r.verdict())
	}
	return nil
}

func rows(trials int) ([]row, error) {
	var out []row
	for _, w := range slices.Concat(worlds, uneven) {
		out = append(out, verdicts(w, trials)...)
	}
	for _, w := range resampled {
		list, err := resampling(w, trials)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	out = append(out, solved(trials)...)
	out = append(out, proportions(trials)...)
	out = append(out, passes(trials)...)
	out = append(out, detectables(trials)...)
	list, err := reports(trials)
	return append(out, list...), err
}

// verdicts judges Compare, among four models where the world does not say how many.
func verdicts(w world, trials int) []row {
	if w.Scores == nil {
		w.Scores = []float64{1, 1, 1, 1}
	}
	r := rand.New(rand.NewPCG(1, 2))
	pairs := len(w.Scores) * (len(w.Scores) - 1) / 2
	covers := row{rule: "Compare, interval", world: w.name, event: "covers", promised: 0.95, careful: true}
	errs := row{rule: fmt.Sprintf("Compare, verdicts, pairs: %d (Holm)", pairs), world: w.name, event: "errs", promised: 0.05, careful: true}
	finds := row{rule: "Compare, detectable difference", world: w.name, event: "finds", promised: 0.8, careful: true}
	for range trials {
		cs := stats.Compare(w.Draw(r), stats.Options{Alpha: 0.05})
		any := false
		for _, c := range cs {
			any = any || c.Decided
		}
		covers.count(cs[0].Low <= 0 && 0 <= cs[0].High)
		errs.count(any)
		better := w.World
		better.Scores = slices.Clone(w.Scores)
		better.Scores[1] += cs[0].Detectable
		finds.count(stats.Compare(better.Draw(r), stats.Options{Alpha: 0.05})[0].Verdict == "a")
	}
	return []row{covers, errs, finds}
}

func (r *row) count(hit bool) {
	r.of++
	if hit {
		r.hits++
	}
}

// resampling judges the bootstrap and the permutation test on two equal models.
func resampling(w drawn, trials int) ([]row, error) {
	w.Scores = []float64{1, 1}
	r := rand.New(rand.NewPCG(3, 4))
	covers := row{rule: "paired bootstrap over " + w.units, world: w.name, event: "covers", promised: 0.95}
	covers.careful = w.over == stats.Items|stats.Seeds
	errs := row{rule: "paired permutation over " + w.units, world: w.name, event: "errs", promised: 0.05, careful: true}
	for range trials {
		s := w.Draw(r)
		const draws = 999
		x, err := stats.PairedBootstrap(s[0], s[1], w.over, draws, 0.05, r)
		if err != nil {
			return nil, err
		}
		covers.count(x.Low <= 0 && 0 <= x.High)
		if w.over == stats.Items|stats.Seeds {
			continue // a permutation test exchanges one or the other
		}
		p, err := stats.PairedPermutation(s[0], s[1], w.over, draws, r)
		if err != nil {
			return nil, err
		}
		errs.count(p <= 0.05)
	}
	if errs.of == 0 {
		return []row{covers}, nil
	}
	return []row{covers, errs}, nil
}

// proportions judges what counts solved problems.
func proportions(trials int) []row {
	r := rand.New(rand.NewPCG(5, 6))
	var out []row
	for _, c := range []struct {
		p float64
		n int
	}{{0.5, 20}, {0.05, 50}, {0.9, 200}} {
		x := row{rule: "Wilson's interval", world: fmt.Sprintf("%d problems, each solved with %g", c.n, c.p), event: "covers", promised: 0.95}
		for range trials {
			k := binomial(r, c.n, c.p)
			low, high := stats.Wilson(float64(k), c.n, 0.05)
			x.count(low <= c.p && c.p <= high)
		}
		out = append(out, x)
	}
	for _, n := range []int{20, 200} {
		x := row{rule: "McNemar's test", world: fmt.Sprintf("%d problems that one of two equal models solves", n), event: "errs", promised: 0.05, careful: true}
		for range trials {
			k := binomial(r, n, 0.5)
			x.count(stats.McNemar(k, n-k) <= 0.05)
		}
		out = append(out, x)
	}
	for _, n := range []int{8, 30, 100} {
		x := row{rule: "clustered standard error, Student's quantile of it", world: fmt.Sprintf("%d clusters of 3 values that are alike", n), event: "covers", promised: 0.95}
		for range trials {
			v, cluster := make([]float64, 3*n), make([]int64, 3*n)
			for i := range v {
				cluster[i] = int64(i / 3)
				if v[i] = r.NormFloat64(); i%3 > 0 {
					v[i] = v[i-1]
				}
			}
			mean, se := stats.Clustered(v, cluster)
			x.count(math.Abs(mean) <= stats.Student(0, se, float64(n-1), 0.05).High)
		}
		out = append(out, x)
	}
	return out
}

// detectables judges MinimumDetectable: differences of n values with a known standard deviation, judged by an estimated one.
func detectables(trials int) []row {
	r := rand.New(rand.NewPCG(13, 14))
	var out []row
	for _, c := range []struct {
		n     int
		alpha float64
	}{{3, 0.05}, {5, 0.05}, {5, 0.05 / 6}, {60, 0.05 / 6}} {
		x := row{rule: "minimum detectable effect", world: fmt.Sprintf("%d values, at %.2g %%", c.n, 100*c.alpha), event: "finds", promised: 0.8}
		df := float64(c.n - 1)
		truth := stats.MinimumDetectable(1/math.Sqrt(float64(c.n)), df, c.alpha, 0.8)
		for range trials {
			v := make([]float64, c.n)
			for i := range v {
				v[i] = truth + r.NormFloat64()
			}
			mean, half := stats.TInterval(v, c.alpha)
			x.count(mean-half > 0)
		}
		out = append(out, x)
	}
	return out
}

func binomial(r *rand.Rand, n int, p float64) int {
	k := 0
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}
