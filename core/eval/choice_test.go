package eval

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// letters encodes bytes, except that " b" in front of a letter makes one token of two bytes; EOD is 0.
type letters struct{}

func (letters) Vocab() int { return 300 }
func (letters) EOD() int32 { return 0 }
func (letters) Encode(dst []int32, text []byte) []int32 {
	for i := 0; i < len(text); i++ {
		if text[i] == ' ' && i+1 < len(text) && text[i+1] == 'b' {
			dst = append(dst, 299)
			i++
			continue
		}
		dst = append(dst, int32(text[i]))
	}
	return dst
}

// unigram gives every token the probability of its table, whatever stands before it; likelier than a half is the argmax. It remembers the
// widest batch.
type unigram struct {
	p    map[int32]float64
	wide *int
}

func (m unigram) Score(_ context.Context, b family.Batch) (r family.ScoreResult, err error) {
	if m.wide != nil {
		*m.wide = max(*m.wide, b.T)
	}
	for i, y := range b.Targets {
		p := m.p[y]
		if b.Weights[i] == 0 {
			p = 1
		}
		r.LogProbs, r.Correct = append(r.LogProbs, float32(math.Log(p))), append(r.Correct, p > 0.5)
	}
	return r, nil
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) { // float32 log-probabilities
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		c       Continuation
		scored  string // the tokens that are asked for, 299 written B
		context string
	}{
		{"plain", Continuation{"xy", "z"}, "z", "xy"},
		{"space of the continuation", Continuation{"xy", " z"}, " z", "xy"},
		{"trailing space moves", Continuation{"xy ", "z"}, " z", "xy"},
		{"trailing space joins a token", Continuation{"xy ", "b"}, "B", "xy"},
		{"token of the continuation", Continuation{"xy", " b"}, "B", "xy"},
		{"nothing before", Continuation{"", "z"}, "z", ""},
		{"white space alone before", Continuation{" ", "z"}, " z", ""},
		{"new line moves as well", Continuation{"x\n", "z"}, "\nz", "x"},
	} {
		tokens, scored := split(letters{}, tt.c)
		write := func(ids []int32) (s string) {
			for _, x := range ids {
				if x == 299 {
					s += "B"
				} else {
					s += string(rune(x))
				}
			}
			return s
		}
		if tokens[0] != 0 {
			t.Errorf("%s: begins with %d, want EOD", tt.name, tokens[0])
		}
		at := len(tokens) - scored
		if got := write(tokens[at:]); got != tt.scored || write(tokens[1:at]) != tt.context {
			t.Errorf("%s: asks %q after %q, want %q after %q", tt.name, got, write(tokens[1:at]), tt.scored, tt.context)
		}
	}
}

func TestLikelihoods(t *testing.T) {
	wide := 0
	m := unigram{map[int32]float64{'a': 0.5, 'c': 0.75, 'd': 0.125, ' ': 0.25, 299: 0.1}, &wide}
	long := strings.Repeat("a", 50)
	got, err := Likelihoods(context.Background(), m, letters{}, 20, []Continuation{{"aaaa", "cd"}, {"a", "cc"}, {long, "c"}, {"a ", "b"}, {"", "d"}})
	if err != nil {
		t.Fatal(err)
	}
	ln := math.Log
	for i, want := range []Likelihood{{ln(0.75) + ln(0.125), false, 2, 0}, {2 * ln(0.75), true, 2, 0}, {ln(0.75), true, 1, 31}, {ln(0.1), false, 1, 0}, {ln(0.125), false, 1, 0}} {
		near(t, "log-probability", got[i].LogProb, want.LogProb)
		got[i].LogProb = want.LogProb
		if got[i] != want {
			t.Errorf("%d: got %+v, want %+v", i, got[i], want)
		}
	}
	if wide != 20 {
		t.Errorf("the model was fed %d tokens, it holds 20", wide)
	}
	if _, err := Likelihoods(context.Background(), m, letters{}, 3, []Continuation{{"a", "cccc"}}); err == nil {
		t.Error("a continuation longer than the model: want an error")
	}
	if _, err := Likelihoods(context.Background(), m, letters{}, 3, []Continuation{{"a", ""}}); err == nil {
		t.Error("an empty continuation: want an error")
	}
	if _, err := Likelihoods(context.Background(), broken{float32(math.NaN())}, letters{}, 3, []Continuation{{"a", "cc"}}); family.CodeOf(err) != family.Internal {
		t.Errorf("a broken model: got %v", err)
	}
}

func ask(context, delimiter string, gold int, texts ...string) Choice {
	q := Choice{Texts: texts, Gold: gold}
	for _, x := range texts {
		q.Continuations = append(q.Continuations, Continuation{context, delimiter + x})
	}
	return q
}

func TestChoices(t *testing.T) {
	m := unigram{p: map[int32]float64{'a': 0.5, 'c': 0.75, 'd': 0.125, ' ': 0.25, 0xc3: 0.2, 0xa9: 0.2}}
	questions := []Choice{
		// ln p: d -2.08, aaaa -2.77: acc takes d; for each character aaaa is likelier.
		ask("x", " ", 1, "d", "aaaa"),
		// é is one character of two bytes: ln p -3.22 a character, -1.61 a byte, beside d with -2.08; with the space's -1.39 before each: -4.61 and
		// -3.47 a character, -2.30 and -3.47 a byte.
		ask("x", " ", 0, "é", "d"),
		// Equal: the first wins.
		ask("x", " ", 0, "c", "c"),
	}
	got, err := Choices(context.Background(), m, letters{}, 100, questions)
	if err != nil {
		t.Fatal(err)
	}
	ln := math.Log
	nats := []float64{-(ln(0.25) + 4*ln(0.5)), -(ln(0.25) + 2*ln(0.2)), -(ln(0.25) + ln(0.75))}
	bpb := (nats[0] + nats[1] + nats[2]) / math.Ln2 / (5 + 3 + 2)
	for i, want := range []struct {
		name          string
		value, stdErr float64
	}{
		// s/sqrt(n) with s over n-1: sqrt(3 p (1-p) / 2) / sqrt(3).
		{"acc", 1.0 / 3, math.Sqrt(1.0 / 9)}, {"acc_norm", 2.0 / 3, math.Sqrt(1.0 / 9)}, {"acc_bytes", 1, 0}, {"bpb", bpb, -1},
	} {
		x := got.Measures[i]
		if x.Name != want.name {
			t.Fatalf("measure %d is %s, want %s", i, x.Name, want.name)
		}
		near(t, want.name, x.Value, want.value)
		if want.stdErr >= 0 {
			near(t, want.name+" standard error", *x.StdErr, want.stdErr)
		}
		if x.Low > x.Value || x.High < x.Value {
			t.Errorf("%s: interval %v to %v around %v", x.Name, x.Low, x.High, x.Value)
		}
	}
	near(t, "chance", got.Chance, 0.5)
	if len(got.Correct) != 3 || got.Correct[0] || got.Correct[1] || !got.Correct[2] {
		t.Errorf("correct: %v", got.Correct)
	}
}

func TestClozes(t *testing.T) {
	m := unigram{p: map[int32]float64{'a': 0.5, 'c': 0.75, 'd': 0.125, ' ': 0.8}}
	got, err := Clozes(context.Background(), m, letters{}, 100, []Continuation{{"x", " c"}, {"x", " d"}})
	if err != nil {
		t.Fatal(err)
	}
	first, second := -math.Log(0.8*0.75), -math.Log(0.8*0.125)
	near(t, "acc", got.Measures[0].Value, 0.5)
	near(t, "perplexity", got.Measures[1].Value, math.Exp((first+second)/2))
	near(t, "bpb", got.Measures[2].Value, (first+second)/math.Ln2/4)
	// Two values a and b have the mean's standard error |a-b|/2.
	near(t, "perplexity's standard error", *got.Measures[1].StdErr, math.Exp((first+second)/2)*math.Abs(first-second)/2)
	// The space is scored with the continuation wherever it is written, so its byte counts.
	moved, err := Clozes(context.Background(), m, letters{}, 100, []Continuation{{"x ", "c"}, {"x ", "d"}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "bpb with the space in the context", moved.Measures[2].Value, got.Measures[2].Value)
	one, err := Clozes(context.Background(), m, letters{}, 100, []Continuation{{"x", " c"}})
	if err != nil || one.Measures[0].StdErr != nil || one.Measures[1].StdErr != nil {
		t.Errorf("one item has no standard error: %+v, %v", one, err)
	}
}
