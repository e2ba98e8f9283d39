package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

func build(t *testing.T, dirs ...string) *Report {
	t.Helper()
	rep, err := Build(dirs...)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func row(t *testing.T, rep *Report, name string) Row {
	t.Helper()
	for _, r := range rep.Rows {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no row %s", name)
	return Row{}
}

func TestVerdictsOfAKnownRun(t *testing.T) {
	rep := build(t, fixture(t, t.TempDir(), "known", "c1"))
	got := map[string]string{}
	for _, p := range rep.Comparisons[0].Pairs {
		got[p.A+" "+p.B] = p.Verdict
	}
	for pair, want := range map[string]string{
		"solid twin": "not distinguishable", "solid frail": "solid", "twin frail": "twin",
		"solid ngram": "solid", "twin ngram": "twin", "frail ngram": "frail",
	} {
		if got[pair] != want {
			t.Errorf("%s: got %q, want %q", pair, got[pair], want)
		}
	}
	if v := row(t, rep, "solid").Verdict; v != "better than frail and ngram; not distinguishable from twin" {
		t.Errorf("verdict of solid: %q", v)
	}
	if v := row(t, rep, "frail").Verdict; !strings.Contains(v, "1 of 3 seeds did not finish") {
		t.Errorf("verdict of frail hides its failure: %q", v)
	}
	f := row(t, rep, "frail")
	if f.Seeds != 2 || len(f.Failures) != 1 || f.Failures[0].Kind != "died" {
		t.Errorf("frail: %d seeds, failures %+v", f.Seeds, f.Failures)
	}
	s := row(t, rep, "solid")
	if s.BPB.Half == nil || len(s.BPB.Values) != 3 || math.Abs(*s.BPB.Mean-1.8/math.Ln2*255/640) > 0.05 {
		t.Errorf("bits per byte of solid: %+v", s.BPB)
	}
	if rep.Runs[0].Overhead == nil || math.Abs(*rep.Runs[0].Overhead-2.5/99.5) > 1e-12 {
		t.Errorf("overhead: %v, want 2.5/99.5", rep.Runs[0].Overhead)
	}
	if n := len(s.Curves[0].Train); n != curvePoints {
		t.Errorf("500 points are thinned to %d, got %d", curvePoints, n)
	}
	if last := s.Curves[0].Train[curvePoints-1]; last.Step != 500 {
		t.Errorf("thinning lost the last step: ends at %d", last.Step)
	}
}

func TestEveryFormHoldsTheSameFigures(t *testing.T) {
	dir := fixture(t, t.TempDir(), "forms", "c1")
	rep := build(t, dir)
	if err := Write(dir, rep); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := Write(*keep, rep); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var back Report
	if err := json.Unmarshal([]byte(read("report.json")), &back); err != nil {
		t.Fatal(err)
	}
	html, md := read("report.html"), read("report.md")
	for _, r := range back.Rows {
		figure := r.BPB.text(fixed)
		for name, text := range map[string]string{"report.html": html, "report.md": md} {
			if !strings.Contains(text, figure) {
				t.Errorf("%s lacks the bits per byte of %s: %s", name, r.Name, figure)
			}
		}
	}
	lines, err := csv.NewReader(strings.NewReader(read("tables/models.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 5 || len(lines[0]) != len(lines[1]) {
		t.Errorf("models.csv: %d lines of %d and %d fields", len(lines), len(lines[0]), len(lines[1]))
	}
	for _, name := range []string{"comparisons", "curves", "positions", "decode", "lengths", "ttc", "failures"} {
		if lines, err := csv.NewReader(strings.NewReader(read("tables/" + name + ".csv"))).ReadAll(); err != nil || len(lines) < 2 {
			t.Errorf("%s.csv: %d lines, %v", name, len(lines), err)
		}
	}
	var table bytes.Buffer
	if err := WriteTable(&table, rep); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"solid: better than frail and ngram", "frail, seed 3 failed: plugin frail died"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the terminal's table lacks %q:\n%s", want, table.String())
		}
	}
	for _, l := range strings.Split(table.String(), "\n")[:5] {
		if n := len([]rune(l)); n > 110 {
			t.Errorf("a table line has %d characters: %s", n, l)
		}
	}
}

func TestHTMLIsSelfContainedAndEscaped(t *testing.T) {
	html, err := HTML(build(t, fixture(t, t.TempDir(), "page", "c1")))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(html, []byte("<script>alert")) {
		t.Error("a plugin's log reaches the page unescaped")
	}
	// Links to papers are for people; nothing may be loaded.
	for _, m := range regexp.MustCompile(`(?i)(src|href|url\()\s*=?\s*["'(]?(https?:)?//[^"')\s]+`).FindAllString(string(html), -1) {
		if !strings.Contains(m, "https://example.org/paper") {
			t.Errorf("the page refers to another place: %s", m)
		}
	}
	m := regexp.MustCompile(`(?s)<script type="application/json" id="report-data">(.*?)</script>`).FindSubmatch(html)
	if m == nil || !json.Valid(m[1]) {
		t.Error("the embedded data are not JSON")
	}
}

func TestSeveralRuns(t *testing.T) {
	root := t.TempDir()
	a, same, other := fixture(t, root, "a", "c1"), fixture(t, root, "b", "c1"), fixture(t, root, "c", "c2")
	rep := build(t, a, same)
	if len(rep.Notes) != 0 || len(rep.Comparisons[0].Pairs) != 8*7/2 {
		t.Errorf("two runs on the same data: notes %v, %d pairs", rep.Notes, len(rep.Comparisons[0].Pairs))
	}
	rep = build(t, a, other)
	if len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0], "different data") {
		t.Errorf("two runs on different data: notes %v", rep.Notes)
	}
	for _, c := range rep.Comparisons {
		for _, p := range c.Pairs {
			if p.A[:2] != p.B[:2] {
				t.Errorf("%s and %s are compared across different data", p.A, p.B)
			}
		}
	}
}

func TestRunsScoredOnOtherSequences(t *testing.T) {
	root := t.TempDir()
	a, b := fixture(t, root, "a", "c1"), fixture(t, root, "b", "c1")
	change(t, b, func(m *record.Manifest) { m.Data.EvalIdentity = "other windows" })
	rep := build(t, a, b)
	if len(rep.Notes) != 1 || !strings.Contains(rep.Notes[0], "different sequences") {
		t.Errorf("notes %v", rep.Notes)
	}
	for _, c := range rep.Comparisons {
		for _, p := range c.Pairs {
			if p.A[:2] != p.B[:2] {
				t.Errorf("%s and %s are paired on different sequences", p.A, p.B)
			}
		}
	}
}

func TestARebuiltReportForgetsTheOldTables(t *testing.T) {
	dir := fixture(t, t.TempDir(), "again", "c1")
	if err := Write(dir, build(t, dir)); err != nil {
		t.Fatal(err)
	}
	var res record.Result
	path := filepath.Join(record.ModelDir(dir, "frail", 3), "result.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &res); err != nil {
		t.Fatal(err)
	}
	res.Status, res.Failure, res.Test = "finished", nil, res.Validation
	if err := record.WriteJSON(path, res); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, build(t, dir)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "tables", "failures.csv"))
	if err != nil || strings.Contains(string(got), "died") {
		t.Errorf("failures.csv after the seed finished: %s %v", got, err)
	}
}

// All seeds solve the same problems: three seeds are not three times as many problems.
func TestIntervalsOfTestTimeComputeAreOverProblems(t *testing.T) {
	rep := build(t, fixture(t, t.TempDir(), "ttc", "c1"))
	for _, p := range row(t, rep, "solid").TTC {
		low, high := stats.Wilson(p.Accuracy*50, 50, 0.05)
		if p.Low != low || p.High != high {
			t.Errorf("%s of %d: [%v,%v], want [%v,%v] for 50 problems", p.Strategy, p.Samples, p.Low, p.High, low, high)
		}
	}
}

func TestMarkdownIsAsBefore(t *testing.T) {
	got := Markdown(build(t, fixture(t, t.TempDir(), "golden", "c1")))
	path := filepath.Join("testdata", "report.md")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("report.md differs from testdata/report.md (renew with -update):\n%s", got)
	}
}

func TestAnInterruptedRunStillReports(t *testing.T) {
	dir := fixture(t, t.TempDir(), "cut", "c1")
	for _, seed := range []string{"seed-1", "seed-2", "seed-3"} {
		if err := os.Remove(filepath.Join(dir, "models", "twin", seed, "result.json")); err != nil {
			t.Fatal(err)
		}
	}
	rep := build(t, dir)
	r := row(t, rep, "twin")
	if r.Seeds != 0 || len(r.Failures) != 3 || r.Verdict != "missing" || r.BPB.Mean != nil {
		t.Errorf("twin without results: %+v", r)
	}
	if _, err := HTML(rep); err != nil {
		t.Error(err)
	}
	if _, err := Build(t.TempDir()); err == nil {
		t.Error("a directory that is no run: want an error")
	}
	if _, err := Build(); err == nil {
		t.Error("no directory: want an error")
	}
}

func TestNumbersForPeople(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{si(1234567), "1.23M"}, {si(999), "999"}, {si(0), "0"}, {si(1e12), "1.00T"}, {size(262144), "256 KiB"}, {size(10), "10.0 B"},
		{duration(0.0125), "12.5 ms"}, {duration(61), "61.0 s"}, {duration(3600), "1h0m0s"}, {percent(0.123), "12.3 %"}, {pvalue(0.0001), "< 0.001"},
		{Figure{}.text(si), dash},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A model in 16 bits is named so, and what that did not speed up is said.
func TestPrecisionIsNamed(t *testing.T) {
	for _, c := range []struct {
		precision family.Precision
		features  []string
		note      string
	}{
		{family.FP32, []string{"avx2"}, ""},
		{family.BF16, []string{"avx2"}, "bf16 was a way of storing activations, not of computing with them: this CPU"},
		{family.BF16, []string{"avx2", "avx512bf16"}, ""},
		{family.FP16, []string{"avx2", "avx512bf16"}, "fp16 was a way of storing activations, not of computing with them: archlab"},
	} {
		dir := fixture(t, t.TempDir(), "half", "cafe")
		change(t, dir, func(m *record.Manifest) {
			m.Machine.Features = c.features
			m.Models[0].Card.Precision = c.precision
		})
		rep := build(t, dir)
		notes := strings.Join(rep.Notes, "\n")
		if c.note == "" && strings.Contains(notes, "storing") || !strings.Contains(notes, c.note) {
			t.Errorf("%s with %v: notes %q, want %q", c.precision, c.features, notes, c.note)
		}
		at := slices.IndexFunc(columns(rep), func(x column) bool { return x.Head == "precision" })
		if (at >= 0) != (c.precision != family.FP32) {
			t.Errorf("%s: the table has a column of precisions at %d", c.precision, at)
			continue
		}
		if at < 0 {
			continue
		}
		col := columns(rep)[at]
		if got := []string{col.Cell(rep.Rows[0]), col.Cell(rep.Rows[1]), col.Cell(row(t, rep, "ngram"))}; !slices.Equal(got, []string{string(c.precision), "fp32", dash}) {
			t.Errorf("%s: cells %v", c.precision, got)
		}
	}
}

// An evaluation's answers are compared item by item: right or wrong ones exactly, parts of a sequence by seeds and sequences.
func TestEvaluationsAreJudged(t *testing.T) {
	x := record.Evaluation{Suite: "choice"}
	for _, model := range []string{"good", "poor"} {
		for seed := range uint64(2) {
			m := record.Judged{Model: model, Seed: seed, Text: &record.TextScore{}, Tasks: []record.TaskScore{{Task: "mqar", Parameter: "length", Length: 64}}}
			for i := range 80 {
				right := model == "good" && i > int(seed) || (i+int(seed))%4 == 0
				m.Text.Correct = append(m.Text.Correct, right)
				n := 2
				if right {
					n = 4 - i/4%2
				}
				m.Tasks[0].Right, m.Tasks[0].Of = append(m.Tasks[0].Right, n), append(m.Tasks[0].Of, 4)
			}
			x.Models = append(x.Models, m)
		}
	}
	got := JudgeEvaluation(x)
	if len(got.Comparisons) != 2 || got.Correction.Comparisons != 2 {
		t.Fatalf("got %+v", got)
	}
	for _, c := range got.Comparisons {
		p := c.Pairs[0]
		if p.Verdict != "good" || p.Items != 80 || p.Seeds != 2 || p.Detectable == nil {
			t.Errorf("%s: %+v", c.Metric, p)
		}
	}
	if a, b := got.Comparisons[0].Pairs[0].Test, got.Comparisons[1].Pairs[0].Test; a != "t over seeds and items" || !strings.Contains(b, "exact paired permutation") {
		t.Errorf("tests %q and %q", a, b)
	}
	var text strings.Builder
	if err := WriteVerdicts(&text, got.Comparisons, got.Correction); err != nil || !strings.Contains(text.String(), "mqar accuracy, length 64\n") || !strings.Contains(text.String(), "good is better") {
		t.Errorf("on a terminal: %s %v", &text, err)
	}
	x.Models = x.Models[:2]
	if got := JudgeEvaluation(x); len(got.Comparisons) != 0 {
		t.Errorf("one model is compared with itself: %+v", got)
	}
}

// With one seed a report says what can be concluded, and that it is not the families.
func TestOneSeedInAReport(t *testing.T) {
	dir := fixture(t, t.TempDir(), "one", "c1")
	change(t, dir, func(m *record.Manifest) { m.Seeds = m.Seeds[:1] })
	rep := build(t, dir)
	if v := row(t, rep, "solid").Verdict; !strings.Contains(v, "as trained better than frail") || !strings.Contains(v, "nothing is known of another") {
		t.Errorf("verdict of solid: %q", v)
	}
	if p := rep.Comparisons[0].Pairs[1]; p.Decided || p.Scope != "weights" || p.P == nil || p.Low == nil || p.Detectable == nil {
		t.Errorf("solid and frail: %+v", p)
	}
	if md := string(Markdown(rep)); !strings.Contains(md, "with one seed nothing can be said of their families") {
		t.Error("the headline does not say what one seed cannot")
	}
}

// The headline counts every pair once, and says what its verdicts are limited to.
func TestHeadlineCountsEveryPair(t *testing.T) {
	x, none := -0.5, 0.3
	pair := func(a, b string, scope stats.Scope, verdict string) Pair {
		p := Pair{A: a, B: b, Scope: string(scope), Verdict: verdict, Difference: &x, P: &none, Seeds: 2, Decided: verdict == a || verdict == b}
		if scope == stats.Weights {
			p.Seeds = 1
		}
		if scope == "" {
			p.P = nil
		}
		return p
	}
	const same, trained = stats.NotDistinguishable, "as trained with this one seed, a is better; of another seed nothing is known"
	for _, c := range []struct {
		pairs []Pair
		want  string
	}{
		{[]Pair{pair("a", "b", "", "no verdict")}, "no pair of models can be judged"},
		{[]Pair{pair("a", "b", stats.Families, same)}, "no two models can be told apart"},
		{[]Pair{pair("a", "b", stats.Families, "a")}, "a is better"},
		{[]Pair{pair("a", "b", stats.OneText, "a")}, "a is better, on this text alone: it is one document"},
		{[]Pair{pair("a", "b", stats.Weights, same)}, "no two models can be told apart; with one seed nothing can be said of their families"},
		{[]Pair{pair("a", "b", stats.Weights, trained), pair("a", "c", stats.Weights, same), pair("b", "c", "", "no verdict")},
			"1 of 3 pairs of models differ as trained; 1 cannot be told apart; 1 could not be judged; with one seed nothing can be said of the 2 pairs' families"},
		{[]Pair{pair("a", "b", stats.Families, "a"), pair("a", "c", stats.Families, "a"), pair("b", "c", stats.Families, same)},
			"2 of 3 pairs of models differ; a is better than every other; 1 cannot be told apart"},
		{[]Pair{pair("a", "b", stats.Families, "a"), pair("a", "c", stats.Weights, trained), pair("b", "c", stats.Weights, same)},
			"1 of 3 pairs of models differ; 1 of 3 pairs of models differ as trained; 1 cannot be told apart; with one seed nothing can be said of the 2 pairs' families"},
	} {
		if got := found(Comparison{Pairs: c.pairs}); got != c.want {
			t.Errorf("got %q\nwant %q", got, c.want)
		}
	}
	alone := []Comparison{{Pairs: []Pair{pair("a", "b", stats.OneText, "a"), pair("a", "c", stats.OneText, same)}}}
	if got := verdict(Row{Name: "a", Seeds: 2}, alone); got != "better than b; not distinguishable from c, on this text alone: it is one document" {
		t.Errorf("a row's verdict: %q", got)
	}
}
