package eval

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// parrot writes a fixed text after each context, byte by byte, and then EOD for ever. It counts open states.
type parrot struct {
	after   map[string]string // by context
	fed     map[family.StateID][]byte
	next    family.StateID
	widest  int
	closed  int
	prompts map[family.StateID]string
}

func (p *parrot) Open(_ context.Context, n int) (out []family.StateID, _ error) {
	p.widest = max(p.widest, n)
	for range n {
		p.next++
		out = append(out, p.next)
	}
	return out, nil
}

func (p *parrot) Close(_ context.Context, s []family.StateID) error { p.closed += len(s); return nil }

func (p *parrot) Extend(_ context.Context, r family.ExtendRequest) (out family.ExtendResult, err error) {
	if r.TopK != 1 || r.All {
		return out, fmt.Errorf("got %+v, want the likeliest token alone", r)
	}
	for _, x := range r.Items {
		if p.prompts[x.State] == "" {
			p.prompts[x.State] = string(letters{}.Decode(nil, x.Tokens))
		} else {
			p.fed[x.State] = letters{}.Decode(p.fed[x.State], x.Tokens)
		}
		text, id := p.after[p.prompts[x.State]], letters{}.EOD()
		if n := len(p.fed[x.State]); n < len(text) {
			id = int32(text[n])
		}
		out.Rows, out.IDs, out.Logits = out.Rows+1, append(out.IDs, id), append(out.Logits, 0)
	}
	out.Width = 1
	return out, nil
}

func (letters) Decode(dst []byte, ids []int32) []byte {
	for _, id := range ids {
		switch id {
		case 0:
		case 299:
			dst = append(dst, " b"...)
		default:
			dst = append(dst, byte(id))
		}
	}
	return dst
}

func TestWrittenAnswersEnd(t *testing.T) {
	cases := []struct {
		answer, written string
		right           bool
	}{
		{"12", "12", true}, // and the end of the document
		{"12", "12 and more", true},
		{"12", "12.", true},
		{"12", "12. Remember it.", true},
		{"12", "12, then", true},
		{"12", "12\n", true},
		{"12", "123", false}, // the answer is a prefix of what is written
		{"12", "12.5", false},
		{"12", "12,000", false},
		{"12", "1", false}, // and the other way about
		{"12", "", false},
		{"12", "012", false},
		{" 12", "12", false},
		{" 12", " 12", true},
		{"1+2=03:3", "1+2=03:3", true},
		{"1+2=03:3", "1+2=03:30", false},
		{"yes", "yes", true},
	}
	m := &parrot{after: map[string]string{}, fed: map[family.StateID][]byte{}, prompts: map[family.StateID]string{}}
	var list []Continuation
	for i, c := range cases {
		prompt := fmt.Sprintf("%*d?", 1+i*40, i) // of different lengths, and long enough for several groups
		m.after[prompt] = c.written
		list = append(list, Continuation{Context: prompt, Text: c.answer})
	}
	got, err := Written(context.Background(), m, letters{}, list)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		if got[i] != c.right {
			t.Errorf("answer %q, written %q: got %v", c.answer, c.written, got[i])
		}
	}
	if m.widest == len(cases) || m.closed != len(cases) {
		t.Errorf("got %d states at once and %d closed, want several groups and %d closed", m.widest, m.closed, len(cases))
	}
}

// spaced is a tokenizer that writes a blank before every token, as those of words do.
type spaced struct{ letters }

func (spaced) Decode(dst []byte, ids []int32) []byte {
	for _, id := range ids {
		if id != 0 {
			dst = append(dst, ' ', byte(id))
		}
	}
	return dst
}

func TestWrittenInTheTokenizersSpelling(t *testing.T) {
	m := &parrot{after: map[string]string{"2+2=": "4"}, fed: map[family.StateID][]byte{}, prompts: map[family.StateID]string{}}
	got, err := Written(context.Background(), m, spaced{}, []Continuation{{"2+2=", "4"}, {"2+2=", "5"}})
	if err != nil || !slices.Equal(got, []bool{true, false}) {
		t.Errorf("got %v, %v", got, err)
	}
}
