package model

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/archlab/archlab/core/family"
)

var background = context.Background()

func tokens(r *rand.Rand, n int) []int32 {
	x := make([]int32, n)
	for i := range x {
		x[i] = r.Int32N(23)
	}
	return x
}

// extend feeds one state and answers the last logits.
func extend(t testing.TB, m *lm, id family.StateID, tokens []int32) []float32 {
	t.Helper()
	res, err := m.Extend(background, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: tokens}}})
	if err != nil {
		t.Fatal(err)
	}
	return res.Logits
}

func open(t testing.TB, m *lm) family.StateID {
	t.Helper()
	ids, err := m.Open(background, 1)
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// fresh answers the logits after a sequence fed to a new state in one call.
func fresh(t testing.TB, m *lm, seq []int32) []float32 {
	t.Helper()
	id := open(t, m)
	defer m.Close(background, []family.StateID{id})
	return extend(t, m, id, seq)
}

var decodeConfigs = []struct{ name, config string }{
	{"cache", `{"width":8,"conv":0}`},
	{"recurrent", `{"width":8,"attend":false}`},
	{"both", `{"width":8}`},
	{"window", `{"width":8,"conv":0,"window":40}`},
	{"window and recurrent", `{"width":8,"window":300}`},
	{"narrow window", `{"width":8,"window":1}`},
}

// Whatever calls led to a sequence, its state answers bit for bit what a new state answers. Sequences pass 256 tokens,
// so that runs are split, windows drop tokens and snapshots are thinned out.
func TestStatesAreTheirTokens(t *testing.T) {
	for _, c := range decodeConfigs {
		t.Run(c.name, func(t *testing.T) {
			m := build(t, c.config, 2)
			r := rand.New(rand.NewPCG(3, 3))
			type open struct {
				id  family.StateID
				seq []int32
			}
			ids, err := m.Open(background, 3)
			if err != nil {
				t.Fatal(err)
			}
			var list []*open
			for _, id := range ids {
				list = append(list, &open{id: id})
			}
			for range 60 {
				switch k := r.IntN(8); {
				case k < 4: // extend some states together
					var req family.ExtendRequest
					var fed []*open
					for _, s := range list {
						n := []int{1, 1, 2, 7, 60, 150}[r.IntN(6)]
						if r.IntN(3) == 0 || len(s.seq)+n > 580 {
							continue
						}
						x := tokens(r, n)
						s.seq = append(s.seq, x...)
						req.Items = append(req.Items, family.ExtendItem{State: s.id, Tokens: x})
						fed = append(fed, s)
					}
					res, err := m.Extend(background, req)
					if err != nil {
						t.Fatal(err)
					}
					for i, s := range fed {
						if r.IntN(3) == 0 {
							same(t, "extend", res.Logits[i*res.Width:(i+1)*res.Width], fresh(t, m, s.seq))
						}
					}
				case k < 5 && len(list) < 6:
					s := list[r.IntN(len(list))]
					out, err := m.Fork(background, []family.StateID{s.id})
					if err != nil {
						t.Fatal(err)
					}
					list = append(list, &open{out[0], slices.Clone(s.seq)})
				default:
					s := list[r.IntN(len(list))]
					n := r.IntN(len(s.seq) + 1)
					if r.IntN(2) == 0 {
						n = min(n, 20)
					}
					if err := m.Rewind(background, s.id, n); err != nil {
						t.Fatal(err)
					}
					s.seq = s.seq[:len(s.seq)-n]
				}
			}
			for _, s := range list {
				x := tokens(r, 3)
				same(t, "end", extend(t, m, s.id, x), fresh(t, m, append(slices.Clone(s.seq), x...)))
			}
		})
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: logit %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// A long sequence keeps few snapshots, at distances that grow, the nearest of them near.
func TestSnapshotsAreLogSpaced(t *testing.T) {
	m := build(t, `{"width":8}`, 1)
	id := open(t, m)
	r := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		extend(t, m, id, tokens(r, 1))
	}
	s := m.decoder.states[id]
	if n := len(s.snaps); n < 5 || n > 14 {
		t.Errorf("%d snapshots of 500 tokens, want 5 to 14", n)
	}
	// From any length, no more tokens are replayed than about were dropped.
	for n := 1; n <= 500; n++ {
		at := 0
		for _, x := range s.snaps {
			if x.length <= 500-n {
				at = x.length
			}
		}
		if again := 500 - n - at; again > 2*n+2*snapshotGap {
			t.Errorf("rewinding %d tokens feeds %d again", n, again)
		}
	}
}

// Snapshots of tokens that were dropped, by Rewind or by a call that was cancelled, are not gone back to.
func TestDroppedTokensLeaveNoSnapshots(t *testing.T) {
	for _, c := range decodeConfigs {
		for _, drop := range []string{"rewind", "cancel"} {
			t.Run(c.name+" "+drop, func(t *testing.T) {
				tripped = func() {}
				m := build(t, `{"trip":true,`+c.config[1:], 1)
				r := rand.New(rand.NewPCG(5, 5))
				id := open(t, m)
				seq := tokens(r, 10)
				extend(t, m, id, seq)
				if drop == "rewind" {
					for range 10 {
						extend(t, m, id, tokens(r, 20))
					}
					rewind(t, m, id, 200)
				} else {
					item := family.ExtendItem{State: id, Tokens: tokens(r, 500)}
					if _, err := m.Extend(cancelling(2), family.ExtendRequest{Items: []family.ExtendItem{item}}); err == nil {
						t.Fatal("not cancelled")
					}
				}
				for range 20 {
					x := tokens(r, 28)
					seq = append(seq, x...)
					extend(t, m, id, x)
				}
				for _, n := range []int{30, 150, 80, 40, 40, 15, 60, 40, 40} {
					rewind(t, m, id, n)
					seq = seq[:len(seq)-n]
					same(t, "rewind", probe(t, m, id), fresh(t, m, append(slices.Clone(seq), 1)))
				}
			})
		}
	}
}

// cancelling answers a context that ends at the n-th run of a model with a trip, in the middle of the run, counted from 1;
// 0 ends it at once.
func cancelling(n int) context.Context {
	ctx, cancel := context.WithCancel(background)
	if n == 0 {
		cancel()
	}
	tripped = func() {
		if n--; n == 0 {
			cancel()
		}
	}
	return ctx
}

// A call that is cancelled in any of its runs leaves states as they were.
func TestCancelledCallsLeaveStatesAlone(t *testing.T) {
	for _, c := range decodeConfigs {
		t.Run(c.name, func(t *testing.T) {
			tripped = func() {}
			m := build(t, `{"trip":true,`+c.config[1:], 1)
			r := rand.New(rand.NewPCG(5, 5))
			a, b := tokens(r, 70), tokens(r, 9)
			ids, err := m.Open(background, 2)
			if err != nil {
				t.Fatal(err)
			}
			extend(t, m, ids[0], a)
			extend(t, m, ids[1], b)
			more := tokens(r, 400)
			calls := []struct {
				name string
				runs int
				call func(ctx context.Context) error
			}{
				{"extend", 3, func(ctx context.Context) error {
					_, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[0], Tokens: more}, {State: ids[1], Tokens: more[:300]}}})
					return err
				}},
				{"rewind", 1, func(ctx context.Context) error { return m.Rewind(ctx, ids[0], 420) }},
			}
			if !needsSnapshots(m.decoder.slots) {
				calls = calls[:1] // Rewind runs nothing
			}
			for _, call := range calls {
				for n := range call.runs + 1 {
					if err := call.call(cancelling(n)); family.CodeOf(err) != family.Canceled {
						t.Fatalf("%s cancelled in run %d: got %v, want code canceled", call.name, n, err)
					}
					tripped = func() {}
					same(t, call.name, probe(t, m, ids[0]), fresh(t, m, append(slices.Clone(a), 1)))
					same(t, call.name, probe(t, m, ids[1]), fresh(t, m, append(slices.Clone(b), 1)))
				}
				if err := call.call(cancelling(call.runs + 1)); err != nil {
					t.Fatalf("%s: got %v, want no error", call.name, err)
				}
				a, b = append(a, more...), append(b, more[:300]...)
			}
		})
	}
}

func rewind(t *testing.T, m *lm, id family.StateID, n int) {
	t.Helper()
	if err := m.Rewind(background, id, n); err != nil {
		t.Fatal(err)
	}
}

// probe answers what follows token 1, in a copy of the state.
func probe(t *testing.T, m *lm, id family.StateID) []float32 {
	t.Helper()
	f, err := m.Fork(background, []family.StateID{id})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close(background, f)
	return extend(t, m, f[0], []int32{1})
}

// The draft heads answer what their training loss says of the same sequence.
func TestDraftAgreesWithTheHeadsLoss(t *testing.T) {
	for _, config := range []string{`{"extra":3}`, `{"extra":3,"replay":true}`} {
		m := build(t, config, 1)
		r := rand.New(rand.NewPCG(2, 2))
		seqs := [][]int32{tokens(r, 9), tokens(r, 14)}
		ids, err := m.Open(background, 2)
		if err != nil {
			t.Fatal(err)
		}
		req := family.ExtendRequest{Draft: 3}
		for i, s := range seqs {
			req.Items = append(req.Items, family.ExtendItem{State: ids[i], Tokens: s})
		}
		res, err := m.Extend(background, req)
		if err != nil {
			t.Fatal(err)
		}
		v := m.card.Vocab
		for i, seq := range seqs {
			next := argmax(res.Logits[i*v : (i+1)*v])
			for k := range 3 {
				logits := res.Draft[(i*3+k)*v : (i*3+k+1)*v]
				seq = append(seq, next)
				const target = 7
				b := family.Batch{B: 1, T: len(seq), Tokens: seq, Targets: make([]int32, len(seq)), Weights: make([]float32, len(seq))}
				b.Weights[len(seq)-1], b.Targets[len(seq)-1] = 1, target
				out, err := m.Train(background, family.TrainRequest{MicroBatches: []family.Batch{b}})
				if err != nil {
					t.Fatal(err)
				}
				sum := 0.0
				for _, x := range logits {
					sum += math.Exp(float64(x))
				}
				want := math.Log(sum) - float64(logits[target])
				// Float32 logits, summed in another order.
				if got := out.Metrics[fmt.Sprintf("loss_head%d", k+1)]; math.Abs(got-want) > 1e-5 {
					t.Errorf("%s: item %d head %d: loss %v, the draft says %v", config, i, k+1, got, want)
				}
				next = argmax(logits)
			}
		}
	}
}

func TestTopK(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	nan := float32(math.NaN())
	var h topK
	for range 300 {
		logits := make([]float32, 1+r.IntN(40))
		for i := range logits {
			logits[i] = float32(r.IntN(9)) // many ties
			if r.IntN(20) == 0 {
				logits[i] = nan
			}
		}
		order := make([]int32, len(logits))
		for i := range order {
			order[i] = int32(i)
		}
		sort.SliceStable(order, func(a, b int) bool {
			x, y := logits[order[a]], logits[order[b]]
			return x > y || x == x && y != y
		})
		k := 1 + r.IntN(len(logits))
		out, ids := make([]float32, k), make([]int32, k)
		h.pick(out, ids, logits)
		if fmt.Sprint(ids) != fmt.Sprint(order[:k]) {
			t.Fatalf("%v: got %v, want %v", logits, ids, order[:k])
		}
		if argmax(logits) != order[0] {
			t.Fatalf("%v: argmax %d, want %d", logits, argmax(logits), order[0])
		}
	}
}

func TestBadStatesAndTokens(t *testing.T) {
	m := build(t, `{"learned":true}`, 1) // context 600
	plain, _, err := tinyFamily().Build(background, family.BuildRequest{Config: json.RawMessage(`{"extra":2}`), Vocab: 23})
	if err != nil {
		t.Fatal(err)
	}
	id := open(t, m)
	extend(t, m, id, []int32{1, 2, 3})
	one := func(tokens ...int32) []family.ExtendItem { return []family.ExtendItem{{State: id, Tokens: tokens}} }
	ext := func(m family.Model, r family.ExtendRequest) error { _, err := m.Extend(background, r); return err }
	cases := []struct {
		name  string
		err   error
		code  family.Code
		field string
	}{
		{"unknown state", ext(m, family.ExtendRequest{Items: []family.ExtendItem{{State: 99, Tokens: []int32{1}}}}), family.NotFound, "items[0].state"},
		{"state twice", ext(m, family.ExtendRequest{Items: append(one(1), one(1)...)}), family.InvalidArgument, "items[1].state"},
		{"no tokens", ext(m, family.ExtendRequest{Items: one()}), family.InvalidArgument, "items[0].tokens"},
		{"token", ext(m, family.ExtendRequest{Items: one(1, 23)}), family.InvalidArgument, "items[0].tokens[1]"},
		{"negative token", ext(m, family.ExtendRequest{Items: one(-1)}), family.InvalidArgument, "items[0].tokens[0]"},
		{"too long", ext(m, family.ExtendRequest{Items: one(make([]int32, 598)...)}), family.InvalidArgument, "items[0].tokens"},
		{"top k", ext(m, family.ExtendRequest{Items: one(1), TopK: 24}), family.InvalidArgument, "top_k"},
		{"no draft heads", ext(m, family.ExtendRequest{Items: one(1), Draft: 1}), family.Unimplemented, "draft"},
		{"too many draft heads", ext(plain, family.ExtendRequest{Draft: 3}), family.InvalidArgument, "draft"},
		{"rewind too far", m.Rewind(background, id, 4), family.InvalidArgument, "n"},
		{"rewind back", m.Rewind(background, id, -1), family.InvalidArgument, "n"},
		{"rewind unknown", m.Rewind(background, 99, 0), family.NotFound, "state"},
		{"close unknown", m.Close(background, []family.StateID{id, 99}), family.NotFound, "states[1]"},
		{"close twice", m.Close(background, []family.StateID{id, id}), family.InvalidArgument, "states[1]"},
		{"fork unknown", func() error { _, err := m.Fork(background, []family.StateID{99}); return err }(), family.NotFound, "states[0]"},
		{"open too many", func() error { _, err := m.Open(background, maxStates+1); return err }(), family.Exhausted, "n"},
		{"open less than none", func() error { _, err := m.Open(background, -1); return err }(), family.InvalidArgument, "n"},
	}
	for _, c := range cases {
		e, ok := c.err.(*family.Error)
		if !ok || e.Code != c.code || e.Field != c.field {
			t.Errorf("%s: got %#v, want %s at %s", c.name, c.err, c.code, c.field)
		}
	}
	same(t, "afterwards", probe(t, m, id), fresh(t, m, []int32{1, 2, 3, 1}))
}
