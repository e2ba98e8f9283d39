package eval

import (
	"reflect"
	"strings"
	"testing"
)

func TestReadChoices(t *testing.T) {
	want := ask("Two and two?", " ", 1, "three", "four")
	for name, line := range map[string]string{
		"a task's document": `{"query": "Two and two?", "choices": ["three", "four"], "gold": 1}`,
		"context, endings":  `{"context": "Two and two?", "endings": ["three", "four"], "label": "1"}`,
		"HellaSwag":         `{"ind": 24, "ctx": "Two and two?", "endings": ["three", "four"], "label": 1}`,
		"MMLU":              `{"question": "Two and two?", "choices": ["three", "four"], "answer": "B"}`,
		"ARC":               `{"id": "x", "question": "Two and two?", "choices": {"text": ["three", "four"], "label": ["1", "2"]}, "answerKey": "2"}`,
		"the choice itself": `{"query": "Two and two?", "choices": ["three", "four"], "answer": "four"}`,
		"a logged sample":   `{"doc_id": 0, "doc": {}, "target": "1", "arguments": {"gen_args_1": {"arg_0": "Two and two?", "arg_1": " four"}, "gen_args_0": {"arg_0": "Two and two?", "arg_1": " three"}}, "resps": []}`,
		"an old one":        `{"doc_id": 0, "target": 1, "arguments": [["Two and two?", " three"], ["Two and two?", " four"]]}`,
	} {
		got, err := ReadChoices(strings.NewReader("\n"+line+"\n"), "x.jsonl", " ")
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	if got, err := ReadChoices(strings.NewReader(`{"query": "x", "choices": ["a", "b"], "gold": 0}`), "x.jsonl", ""); err != nil || got[0].Continuations[0].Text != "a" {
		t.Errorf("without a delimiter: %+v, %v", got, err)
	}
}

func TestQuestionErrors(t *testing.T) {
	for line, says := range map[string]string{
		"":         "x.jsonl: it has no question",
		"nonsense": "x.jsonl:1: not a JSON object",
		`[1]`:      "x.jsonl:1: not a JSON object",
		`{"query": "x", "choices": ["a"], "gold": 0}`:                     "got 1 choices, want at least 2",
		`{"query": "x", "choices": ["a", ""], "gold": 0}`:                 "choice 1 is empty",
		`{"query": "x", "choices": ["a", "b"], "gold": 2}`:                "gold: got 2, want an index from 0 to 1",
		`{"query": "x", "choices": ["a", "b"], "gold": "z"}`:              `gold: got "z"`,
		`{"query": "x", "choices": ["a", "b"], "gold": [0, 1]}`:           "gold: got [0, 1]",
		`{"query": "x", "choices": ["a", "b"], "gold": null}`:             "no gold, answer, label, answerKey, target among",
		`{"query": null, "choices": ["a", "b"], "gold": 0}`:               "no query, context, ctx, question among",
		`{"query": "x", "choices": ["8", "2", "24", "12"], "label": "2"}`: `label: got "2"`,
		`{"query": "x", "choices": ["a", "b"], "gold": -1}`:               "gold: got -1",
		`{"query": "x", "choices": "ab", "gold": 0}`:                      "choices: want a list of texts",
		`{"query": 5, "choices": ["a", "b"], "gold": 0}`:                  "query: ",
		`{"choices": ["a", "b"], "gold": 0}`:                              "no query, context, ctx, question among its fields choices, gold",
		`{"query": "x", "gold": 0}`:                                       "no choices, endings among",
		`{"query": "x", "choices": ["a", "b"]}`:                           "no gold, answer, label, answerKey, target among",
		`{"arguments": {"gen_args_5": {"arg_0": "x"}}, "target": 0}`:      "no gen_args_0 with arg_0 and arg_1",
		`{"arguments": [["x"]], "target": 0}`:                             "request 0 has 1 parts",
		"{\"query\": \"x\", \"choices\": [\"a\", \"b\"], \"gold\": 0}\n{": "x.jsonl:2: ",
	} {
		if _, err := ReadChoices(strings.NewReader(line), "x.jsonl", " "); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", line, err, says)
		}
	}
	for line, says := range map[string]string{
		`{"text": "word"}`:                     "no last word after a space",
		`{"text": "word "}`:                    "no last word after a space",
		`{"context": "x", "target": ""}`:       "the continuation is empty",
		`{"context": "x"}`:                     "no target, continuation, answer, completion among",
		`{"arguments": [["x","a"],["x","b"]]}`: "got 2 requests, want one",
	} {
		if _, err := ReadClozes(strings.NewReader(line), "x.jsonl"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, want %q", line, err, says)
		}
	}
}

func TestReadClozes(t *testing.T) {
	want := Continuation{"the quick brown", " fox"}
	for name, line := range map[string]string{
		"LAMBADA":         `{"text": "the quick brown fox"}`,
		"said":            `{"context": "the quick brown", "target": " fox"}`,
		"a logged sample": `{"target": " fox", "arguments": {"gen_args_0": {"arg_0": "the quick brown", "arg_1": " fox"}}}`,
	} {
		if got, err := ReadClozes(strings.NewReader(line), "x.jsonl"); err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

// Whatever a file holds, questions that come of it can be scored.
func FuzzQuestions(f *testing.F) {
	f.Add(`{"query": "x", "choices": ["a", "b"], "gold": 1}`)
	f.Add(`{"arguments": {"gen_args_0": {"arg_0": "x", "arg_1": " y"}, "gen_args_1": {"arg_0": "x", "arg_1": " z"}}, "target": "0"}`)
	f.Add(`{"question": "x", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"}`)
	f.Add(`{"text": "a b"}`)
	f.Fuzz(func(t *testing.T, text string) {
		questions, err := ReadChoices(strings.NewReader(text), "x", " ")
		if err == nil {
			for _, q := range questions {
				if len(q.Texts) < 2 || len(q.Texts) != len(q.Continuations) || q.Gold < 0 || q.Gold >= len(q.Texts) {
					t.Errorf("got %+v", q)
				}
				for _, x := range q.Texts {
					if x == "" {
						t.Errorf("an empty choice: %+v", q)
					}
				}
			}
		}
		if list, err := ReadClozes(strings.NewReader(text), "x"); err == nil {
			for _, c := range list {
				if c.Text == "" {
					t.Errorf("got %+v", c)
				}
			}
		}
	})
}
