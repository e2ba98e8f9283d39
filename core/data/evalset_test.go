package data

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
)

// wideBytes has ids enough to tell all places of a stream apart; id i stands for i%5+1 bytes.
type wideBytes struct{ Bytes }

const wideVocab = 10000

func (wideBytes) Vocab() int { return wideVocab }
func (wideBytes) TokenBytes(id int32) int {
	if id == eodID {
		return 0
	}
	return int(id%5) + 1
}

// distinct is a stream of n tokens: EOD at both ends and at every so manyth place, and otherwise 1000 + its place.
func distinct(t testing.TB, n, every int) *Stream {
	t.Helper()
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(1000 + i)
		if i%every == 0 || i == n-1 {
			ids[i] = eodID
		}
	}
	s, err := NewStream(wideBytes{}, ids)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func evalSet(t testing.TB, s *Stream, cfg EvalConfig) *EvalSet {
	t.Helper()
	e, err := NewEvalSet(s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// evalRow is what is scored of one row.
type evalRow struct {
	Tokens, Targets, Bytes []int32
	Starts                 []int // relative to the row
	Cluster                int64
}

// evalRows lists the rows that have targets, in order, and checks that the others and the ends of rows are only padding.
func evalRows(t testing.TB, e *EvalSet) (rows []evalRow) {
	t.Helper()
	for i := range e.Len() {
		x, err := e.Batch(i)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Check(wideVocab); err != nil || x.B != e.cfg.B || x.T != e.cfg.T {
			t.Fatalf("batch %d: %dx%d, %v", i, x.B, x.T, err)
		}
		for row := range x.B {
			r := evalRow{Cluster: e.Cluster(i, row)}
			for j := row * x.T; j < (row+1)*x.T; j++ {
				if x.Weights[j] == 0 {
					if x.TargetBytes[j] != 0 {
						t.Errorf("batch %d: padding has bytes", i)
					}
					continue
				}
				if j > row*x.T && x.Weights[j-1] == 0 {
					t.Errorf("batch %d: text after padding", i)
				}
				if slices.Contains(x.Starts, int32(j)) {
					r.Starts = append(r.Starts, j-row*x.T)
				}
				r.Tokens, r.Targets, r.Bytes = append(r.Tokens, x.Tokens[j]), append(r.Targets, x.Targets[j]), append(r.Bytes, x.TargetBytes[j])
			}
			if len(r.Tokens) > 0 {
				rows = append(rows, r)
			} else if r.Cluster != 0 {
				t.Errorf("batch %d: a row of padding has cluster %d", i, r.Cluster)
			}
		}
	}
	return rows
}

func TestEvalSetCoversTheSplitOnce(t *testing.T) {
	for _, n := range []int{2, 5, 16, 17, 18, 64, 65, 66, 300} {
		for _, limit := range []int{0, n - 1, 10000} {
			t.Run(fmt.Sprintf("%d tokens, limit %d", n, limit), func(t *testing.T) {
				s := distinct(t, n, 7)
				all := tokens(t, s)
				e := evalSet(t, s, EvalConfig{B: 3, T: 16, Mode: Documents, MaxTokens: limit})
				var inputs, targets []int32
				for _, r := range evalRows(t, e) {
					inputs, targets = append(inputs, r.Tokens...), append(targets, r.Targets...)
				}
				if !slices.Equal(targets, all[1:]) || !slices.Equal(inputs, all[:n-1]) || e.Targets() != n-1 {
					t.Errorf("%d targets, said %d, want all %d in order", len(targets), e.Targets(), n-1)
				}
			})
		}
	}
}

func TestEvalSelectionIsSpreadOverTheSplit(t *testing.T) {
	const T = 16
	for _, n := range []int{18, 200, 1000, 1025, 5000} {
		for _, limit := range []int{1, 15, 16, 17, 40, 48, 160, 700} {
			if limit >= n-1 {
				continue
			}
			t.Run(fmt.Sprintf("%d tokens, limit %d", n, limit), func(t *testing.T) {
				s := distinct(t, n, 11)
				all := tokens(t, s)
				e := evalSet(t, s, EvalConfig{B: 3, T: T, MaxTokens: limit})
				rows := evalRows(t, e)
				count, last := 0, -T
				for i, r := range rows {
					// Where the row came from: the text tells.
					at := slices.IndexFunc(all, func(id int32) bool { return id == slices.Max(r.Tokens) }) - slices.Index(r.Tokens, slices.Max(r.Tokens))
					if len(r.Tokens) > 1 && (!slices.Equal(r.Tokens, all[at:at+len(r.Tokens)]) || !slices.Equal(r.Targets, all[at+1:at+1+len(r.Tokens)])) {
						t.Fatalf("row %d is no window of the stream", i)
					}
					if at%T != 0 || at < last+T {
						t.Errorf("row %d is at %d, the one before it at %d: want windows of the whole split's grid that do not overlap", i, at, last)
					}
					last = at
					// Each of the len(rows) equal parts of the split holds one window.
					if part := float64(n) / float64(len(rows)); float64(at+T) < part*float64(i)-T || float64(at) > part*float64(i+1)+T {
						t.Errorf("row %d of %d is at %d of %d", i, len(rows), at, n)
					}
					if len(r.Tokens) != T && i != len(rows)-1 {
						t.Errorf("row %d has %d targets", i, len(r.Tokens))
					}
					count += len(r.Tokens)
				}
				if count != limit || e.Targets() != limit {
					t.Errorf("%d targets, said %d, want %d", count, e.Targets(), limit)
				}
			})
		}
	}
}

func TestEvalSelectionSeesManyDocuments(t *testing.T) {
	// 100 documents of 50 tokens: a tenth of the tokens, taken from the front, would be 10 of them.
	e := evalSet(t, distinct(t, 5001, 50), EvalConfig{B: 4, T: 10, MaxTokens: 500})
	documents := map[int64]bool{}
	for _, r := range evalRows(t, e) {
		documents[r.Cluster] = true
	}
	if len(documents) < 50 || !documents[1] && !documents[2] || !documents[99] && !documents[100] {
		t.Errorf("50 windows begin in %d documents", len(documents))
	}
}

func TestEvalModesScoreTheSameTargets(t *testing.T) {
	s := distinct(t, 2000, 13)
	for _, limit := range []int{0, 150} {
		packed := evalRows(t, evalSet(t, s, EvalConfig{B: 3, T: 32, Mode: Packed, MaxTokens: limit}))
		split := evalRows(t, evalSet(t, s, EvalConfig{B: 3, T: 32, Mode: Documents, MaxTokens: limit}))
		if len(packed) != len(split) {
			t.Fatalf("limit %d: %d and %d rows", limit, len(packed), len(split))
		}
		for i := range packed {
			var want []int
			for j, id := range split[i].Tokens {
				if id == eodID && j > 0 {
					want = append(want, j)
				}
			}
			if !slices.Equal(split[i].Starts, want) || packed[i].Starts != nil {
				t.Errorf("limit %d row %d: documents start at %v, want %v; packed at %v", limit, i, split[i].Starts, want, packed[i].Starts)
			}
			split[i].Starts = nil
			if !reflect.DeepEqual(packed[i], split[i]) {
				t.Errorf("limit %d row %d: the modes score other targets", limit, i)
			}
		}
	}
}

func TestEvalBytesAreThoseOfTheTargets(t *testing.T) {
	s := distinct(t, 2000, 13)
	for _, limit := range []int{0, 1, 100, 777} {
		for i, r := range evalRows(t, evalSet(t, s, EvalConfig{B: 3, T: 32, MaxTokens: limit})) {
			for j, id := range r.Targets {
				if int(r.Bytes[j]) != (wideBytes{}).TokenBytes(id) {
					t.Fatalf("limit %d row %d: target %d stands for %d bytes", limit, i, id, r.Bytes[j])
				}
			}
		}
	}
}

func TestEvalBytesAreThoseOfTheCorpus(t *testing.T) {
	c := smallCorpus(t)
	for _, tok := range []Tokenizer{Bytes{}, smallBPE()} {
		s, err := OpenStream(ctx, c, Validation, tok, Cache{})
		if err != nil {
			t.Fatal(err)
		}
		var sum int64
		for _, r := range evalRows(t, evalSet(t, s, EvalConfig{B: 4, T: 64})) {
			for _, n := range r.Bytes {
				sum += int64(n)
			}
		}
		if sum != c.Bytes[Validation] {
			t.Errorf("%s: targets stand for %d bytes, the split has %d", tok.Name(), sum, c.Bytes[Validation])
		}
	}
}

func TestEvalClusterIsTheDocumentOfTheWindow(t *testing.T) {
	// More tokens than one block of the survey, and documents longer and shorter than a window.
	for _, every := range []int{5, 16, 300} {
		s := distinct(t, 9000, every)
		for _, limit := range []int{0, 500} {
			for i, r := range evalRows(t, evalSet(t, s, EvalConfig{B: 3, T: 16, MaxTokens: limit})) {
				at := int(r.Tokens[1]) - 1001
				if r.Tokens[1] == eodID {
					at = int(r.Tokens[0]) - 1000
				}
				// The document that a separator opens is the separator's.
				if want := int64(at/every + 1); r.Cluster != want {
					t.Fatalf("documents of %d, limit %d: row %d at %d is of document %d, want %d", every, limit, i, at, r.Cluster, want)
				}
			}
		}
	}
	bare, err := NewStream(wideBytes{}, []int32{1, 2, 3, eodID, 4, 5, 6})
	if err != nil {
		t.Fatal(err)
	}
	e := evalSet(t, bare, EvalConfig{B: 3, T: 2})
	if a, b, c := e.Cluster(0, 0), e.Cluster(0, 1), e.Cluster(0, 2); a != 1 || b != 1 || c != 2 {
		t.Errorf("a stream without a separator in front: documents %d %d %d, want 1 1 2", a, b, c)
	}
	if e.Cluster(1, 0) != 0 || e.Cluster(-1, 0) != 0 {
		t.Error("a row that does not exist has a document")
	}
}

func TestEvalIdentity(t *testing.T) {
	s := distinct(t, 2000, 13)
	base := EvalConfig{B: 3, T: 32, Mode: Packed, MaxTokens: 300}
	want := evalSet(t, s, base).Identity()
	// Records hold identities: another value makes old runs incomparable with new ones.
	if golden := "ca73de32e8cd89d333cdac2f3eae2c1118230908615fa95cef96de3bf72be50b"; want != golden {
		t.Errorf("got %s, want %s", want, golden)
	}
	wider := base
	wider.B = 7
	rows := evalRows(t, evalSet(t, s, base))
	if e := evalSet(t, s, wider); e.Identity() != want || !reflect.DeepEqual(evalRows(t, e), rows) {
		t.Error("the batch size changes what is scored")
	}
	changed := slices.Clone(tokens(t, s))
	changed[slices.Index(changed, slices.Max(rows[4].Tokens))] = 9999
	otherText, err := NewStream(wideBytes{}, changed)
	if err != nil {
		t.Fatal(err)
	}
	otherTok, err := NewStream(renamed{}, tokens(t, s))
	if err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]*EvalSet{
		"T":         evalSet(t, s, EvalConfig{B: 3, T: 16, MaxTokens: 300}),
		"mode":      evalSet(t, s, EvalConfig{B: 3, T: 32, Mode: Documents, MaxTokens: 300}),
		"count":     evalSet(t, s, EvalConfig{B: 3, T: 32, MaxTokens: 299}),
		"text":      evalSet(t, otherText, base),
		"tokenizer": evalSet(t, otherTok, base),
	} {
		if other.Identity() == want {
			t.Errorf("another %s has the same identity", name)
		}
	}
}

// renamed spells the same ids otherwise.
type renamed struct{ wideBytes }

func (renamed) Fingerprint() string { return "renamed" }

func TestEvalErrors(t *testing.T) {
	s := counting(t, 100)
	checkError(t, second(NewEvalSet(s, EvalConfig{B: 0, T: 1})), ErrConfig, "batch: got 0")
	checkError(t, second(NewEvalSet(s, EvalConfig{B: 1, T: 1, MaxTokens: -1})), ErrConfig, "max_tokens: got -1")
	one, err := NewStream(Bytes{}, []int32{eodID})
	if err != nil {
		t.Fatal(err)
	}
	checkError(t, second(NewEvalSet(one, EvalConfig{B: 1, T: 1})), ErrTooShort, "1 tokens hold no target")
	e := evalSet(t, s, EvalConfig{B: 2, T: 10})
	checkError(t, second(e.Batch(-1)), ErrConfig, "want [0,5)")
	checkError(t, second(e.Batch(5)), ErrConfig, "want [0,5)")
}
