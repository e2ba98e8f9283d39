package task

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
)

var worked = sumFormat{work: true}

func TestSumFormats(t *testing.T) {
	for _, tt := range []struct {
		format     sumFormat
		completion string
	}{
		{sumFormat{}, "132"},
		{sumFormat{reversed: true}, "231"},
		{sumFormat{work: true}, "7+5+0=12,4+8+1=13:132"},
		{sumFormat{work: true, reversed: true}, "7+5+0=12,4+8+1=13:231"},
	} {
		if got, err := tt.format.solve("47+85="); err != nil || got != tt.completion {
			t.Errorf("%+v: got %q, %v, want %q", tt.format, got, err, tt.completion)
		}
		if answer, ok := tt.format.answer(tt.completion); !ok || answer != "132" {
			t.Errorf("%+v: the answer of %q is %q", tt.format, tt.completion, answer)
		}
		if !tt.format.verify("47+85=", tt.completion) || tt.format.verify("47+86=", tt.completion) {
			t.Errorf("%+v: %q is verified wrongly", tt.format, tt.completion)
		}
	}
}

func TestSolve(t *testing.T) {
	for prompt, want := range map[string]string{
		"47+85=": "7+5+0=12,4+8+1=13:132",
		"0+0=":   "0+0+0=00:0",
		"5+4=":   "5+4+0=09:9",
		"47+5=":  "7+5+0=12,4+0+1=05:52",
		"5+995=": "5+5+0=10,0+9+1=10,0+9+1=10:1000",
		"10+20=": "0+0+0=00,1+2+0=03:30",
	} {
		if got, err := worked.solve(prompt); err != nil || got != want {
			t.Errorf("%s got %q, %v, want %q", prompt, got, err, want)
		}
	}
	for _, bad := range []string{"", "=", "1+2", "1+=", "+1=", "1+2=3", "01+2=", "1-2=", "1+2+3=", "a+1=", " 1+2=", "-1+2="} {
		if got, err := worked.solve(bad); err == nil {
			t.Errorf("%q was solved: %q", bad, got)
		}
	}
}

func TestVerify(t *testing.T) {
	task := open(t, Config{Kind: "addition"}).(Verifiable)
	for _, tt := range []struct {
		prompt, completion, answer string
		ok, right                  bool
	}{
		{"47+85=", "7+5+0=12,4+8+1=13:132", "132", true, true},
		{"47+85=", "7+5+0=12,4+8+1=13:131", "131", true, false},
		{"47+85=", "nonsense:132", "132", true, true},
		{"47+85=", ":132", "132", true, true},
		{"47+85=", "132", "", false, false},
		{"47+85=", "7+5+0=12,4+8+1=13:", "", false, false},
		{"47+85=", ":0132", "", false, false},
		{"47+85=", ":132\n", "", false, false},
		{"47+85=", ":132:132", "", false, false},
		{"47+85=", ":1e2", "", false, false},
		{"0+0=", "0+0+0=00:0", "0", true, true},
		{"nonsense", ":132", "132", true, false},
		{"", "", "", false, false},
	} {
		answer, ok := task.Answer(tt.completion)
		if ok != tt.ok || answer != tt.answer {
			t.Errorf("answer of %q: %q, %v", tt.completion, answer, ok)
		}
		if got := task.Verify(tt.prompt, tt.completion); got != tt.right {
			t.Errorf("verify %q %q: %v", tt.prompt, tt.completion, got)
		}
	}
}

func TestSolutionsAgreeWithArithmetic(t *testing.T) {
	task := open(t, Config{Kind: "addition", Set: Values{"min_digits": 1, "max_digits": 30}}).(Verifiable)
	lengths := map[int]bool{}
	for i := range 500 {
		prompt := task.Prompt(data.Train, 4, i)
		x, y, err := parse(prompt)
		if err != nil {
			t.Fatal(err)
		}
		lengths[len(x)] = true
		a, _ := new(big.Int).SetString(x, 10)
		b, _ := new(big.Int).SetString(y, 10)
		sum := new(big.Int).Add(a, b)
		completion, err := worked.solve(prompt)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := task.Answer(completion); got != sum.String() {
			t.Errorf("%s%s, want %s", prompt, completion, sum)
		}
		if !task.Verify(prompt, completion) || task.Verify(prompt, ":"+sum.Add(sum, big.NewInt(1)).String()) {
			t.Errorf("%s is verified wrongly", prompt)
		}
	}
	if len(lengths) != 30 {
		t.Errorf("operands had %d of 30 lengths", len(lengths))
	}
}

func TestAdditionExampleSpellsItsPrompt(t *testing.T) {
	task := open(t, Config{Kind: "addition"}).(Verifiable)
	tok := task.Tokenizer()
	for i := range 100 {
		prompt := task.Prompt(data.Test, 1, i)
		want, err := worked.solve(prompt)
		if err != nil {
			t.Fatal(err)
		}
		e := task.Example(data.Test, 1, i)
		if e.Tokens[0] != tok.EOD() {
			t.Errorf("starts with %d", e.Tokens[0])
		}
		var asked, scored []int32
		for j, w := range e.Weights {
			if w == 0 && len(scored) == 0 {
				asked = append(asked, e.Tokens[j])
			}
			if w != 0 {
				if len(scored) == 0 {
					asked = append(asked, e.Tokens[j])
				}
				scored = append(scored, e.Targets[j])
			}
		}
		if got := string(tok.Decode(nil, asked)); got != prompt {
			t.Errorf("asked %q, want %q", got, prompt)
		}
		if got := string(tok.Decode(nil, scored)); got != want || scored[len(scored)-1] != tok.EOD() {
			t.Errorf("scored %q, want %q and EOD", got, want)
		}
		if text := tok.Decode(nil, e.Tokens); !bytes.Equal(text, []byte(prompt+want)) {
			t.Errorf("the tokens read %q", text)
		}
	}
}

func TestAdditionFillsItsLength(t *testing.T) {
	task := open(t, Config{Kind: "addition", Set: Values{"min_digits": 5, "max_digits": 5}}).(Verifiable)
	longest := 0
	for i := range 100 {
		prompt := task.Prompt(data.Train, 1, i)
		completion, _ := worked.solve(prompt)
		longest = max(longest, 1+len(prompt)+len(completion))
	}
	if longest != task.Length() {
		t.Errorf("the longest example has %d tokens, the task %d", longest, task.Length())
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("47+85=", "7+5+0=12,4+8+1=13:132")
	f.Add("1+1=", ":2")
	f.Fuzz(func(t *testing.T, prompt, completion string) {
		task := worked
		if answer, ok := task.answer(completion); ok == (answer == "") {
			t.Errorf("%q: answer %q, ok %v", completion, answer, ok)
		}
		right := task.verify(prompt, completion)
		want := false
		if x, y, ok := strings.Cut(strings.TrimSuffix(prompt, "="), "+"); ok && strings.HasSuffix(prompt, "=") {
			a, okA := new(big.Int).SetString(x, 10)
			b, okB := new(big.Int).SetString(y, 10)
			// Only canonical, unsigned numbers count.
			if okA && okB && fmt.Sprint(a) == x && fmt.Sprint(b) == y && a.Sign() >= 0 && b.Sign() >= 0 {
				_, answer, found := strings.Cut(completion, ":")
				want = found && answer == fmt.Sprint(new(big.Int).Add(a, b))
			}
		}
		if right != want {
			t.Errorf("verify %q %q: %v, want %v", prompt, completion, right, want)
		}
	})
}
