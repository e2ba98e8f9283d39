package model

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// A call that is cancelled while draft heads replay the sequence leaves the state as it was, although all of the call's
// tokens are fed by then and windows have passed the state's old end.
func TestCancelledReplayLeavesStatesAlone(t *testing.T) {
	for _, c := range decodeConfigs {
		t.Run(c.name, func(t *testing.T) {
			tripped = func() {}
			m := build(t, `{"trip":true,"extra":2,"replay":true,`+c.config[1:], 1)
			r := rand.New(rand.NewPCG(7, 7))
			seq, more := tokens(r, 70), tokens(r, 500)
			id := open(t, m)
			extend(t, m, id, seq)
			req := family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: more}}, Draft: 2}
			const feeds, replays = 2, 2
			for n := feeds + 1; n <= feeds+replays; n++ {
				if _, err := m.Extend(cancelling(n), req); family.CodeOf(err) != family.Canceled {
					t.Fatalf("cancelled in run %d: got %v, want code canceled", n, err)
				}
				tripped = func() {}
				same(t, "afterwards", probe(t, m, id), fresh(t, m, append(slices.Clone(seq), 1)))
				rewind(t, m, id, 3)
				seq = seq[:len(seq)-3]
				same(t, "rewound", probe(t, m, id), fresh(t, m, append(slices.Clone(seq), 1)))
			}
			if _, err := m.Extend(cancelling(feeds+replays+1), req); err != nil {
				t.Fatalf("a call of %d runs: %v", feeds+replays, err)
			}
			seq = append(seq, more...)
			same(t, "the whole call", probe(t, m, id), fresh(t, m, append(slices.Clone(seq), 1)))
		})
	}
}

// At the end of the context drafts are answered as in a longer one: the tokens that they guess have no place any more, but no
// row that is read looks at it.
func TestDraftsAtTheEndOfTheContext(t *testing.T) {
	const n = 300
	seq := tokens(rand.New(rand.NewPCG(8, 8)), n)
	for _, form := range []string{`"replay":true`, `"replay":false`} {
		draft := func(context int) family.ExtendResult {
			x, _, err := tinyFamily().Build(background, family.BuildRequest{
				Config: json.RawMessage(`{"learned":true,"window":5,"extra":3,` + form + `}`), Vocab: 23, Context: context, Seed: 1, Threads: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer x.Release(background)
			m := x.(*lm)
			id := open(t, m)
			res, err := m.Extend(background, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: seq}}, Draft: 3})
			if err != nil {
				t.Fatalf("context %d: %v", context, err)
			}
			if got, want := len(m.decoder.states[id].tokens), n; got != want {
				t.Fatalf("the state has %d tokens, want %d", got, want)
			}
			rewind(t, m, id, 1)
			same(t, "fed again", extend(t, m, id, seq[n-1:]), res.Logits)
			return res
		}
		full, long := draft(n), draft(n+8)
		same(t, "logits", full.Logits, long.Logits)
		same(t, "drafts", full.Draft, long.Draft)
	}
}
