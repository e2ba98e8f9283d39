package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// maxLine bounds a line of a file of questions.
const maxLine = 16 << 20

// ReadChoices reads multiple-choice questions, one JSON object a line, in the forms that lm-evaluation-harness has them in:
//
//	{"query": "...", "choices": ["...", "..."], "gold": 1}
//
// as its tasks process documents, where the context may also be named context, ctx or question, the choices endings, or
// {"text": [...], "label": [...]}, and the right one answer, label or answerKey: an index from 0, such an index in quotes, one of the labels, a
// letter from A, or the choice itself; and the lines that its --log_samples writes,
//
//	{"arguments": {"gen_args_0": {"arg_0": "context", "arg_1": " choice"}, ...}, "target": "1", ...}
//
// whose continuations hold what joins them to the context. Of the first forms delimiter joins a choice to its context, " " there.
func ReadChoices(r io.Reader, name, delimiter string) ([]Choice, error) {
	var out []Choice
	err := lines(r, name, func(fields map[string]json.RawMessage) error {
		q, err := choice(fields, delimiter)
		out = append(out, q)
		return err
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s: it has no question", name)
	}
	return out, err
}

// ReadClozes reads texts to be continued, one JSON object a line: {"context": "...", "target": " word"}, where target may be named
// continuation, answer or completion and the context as in ReadChoices; or {"text": "... word"}, whose last word after a space is asked for, as in
// lm-evaluation-harness's LAMBADA; or the lines of its --log_samples.
func ReadClozes(r io.Reader, name string) ([]Continuation, error) {
	var out []Continuation
	err := lines(r, name, func(fields map[string]json.RawMessage) error {
		c, err := cloze(fields)
		out = append(out, c)
		return err
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s: it has no question", name)
	}
	return out, err
}

// lines reads one object a line; blank lines are passed over.
func lines(r io.Reader, name string, each func(map[string]json.RawMessage) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(line, &fields); err != nil {
			return fmt.Errorf("%s:%d: not a JSON object: %w", name, n, err)
		}
		if err := each(fields); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

var contextNames = []string{"query", "context", "ctx", "question"}

// pick decodes the first of the named fields that is there.
func pick(fields map[string]json.RawMessage, out any, names ...string) (string, error) {
	for _, n := range names {
		if raw, ok := fields[n]; ok && string(raw) != "null" {
			if err := json.Unmarshal(raw, out); err != nil {
				return n, fmt.Errorf("%s: %w", n, err)
			}
			return n, nil
		}
	}
	var have []string
	for k := range fields {
		have = append(have, k)
	}
	slices.Sort(have)
	return "", fmt.Errorf("no %s among its fields %s", strings.Join(names, ", "), strings.Join(have, ", "))
}

func choice(fields map[string]json.RawMessage, delimiter string) (Choice, error) {
	var q Choice
	var labels []string
	if raw, ok := fields["arguments"]; ok {
		list, err := logged(raw)
		if err != nil {
			return q, err
		}
		q.Continuations = list
		for _, c := range list {
			q.Texts = append(q.Texts, strings.TrimPrefix(c.Text, " "))
		}
	} else {
		var context string
		if _, err := pick(fields, &context, contextNames...); err != nil {
			return q, err
		}
		var raw json.RawMessage
		name, err := pick(fields, &raw, "choices", "endings")
		if err != nil {
			return q, err
		}
		if json.Unmarshal(raw, &q.Texts) != nil {
			var named struct{ Text, Label []string }
			if err := json.Unmarshal(raw, &named); err != nil || len(named.Text) == 0 {
				return q, fmt.Errorf(`%s: want a list of texts, or {"text": [...], "label": [...]}`, name)
			}
			q.Texts, labels = named.Text, named.Label
		}
		for _, t := range q.Texts {
			q.Continuations = append(q.Continuations, Continuation{context, delimiter + t})
		}
	}
	if len(q.Texts) < 2 {
		return q, fmt.Errorf("got %d choices, want at least 2", len(q.Texts))
	}
	if i := slices.Index(q.Texts, ""); i >= 0 {
		return q, fmt.Errorf("choice %d is empty: it has no length to divide by", i)
	}
	var raw json.RawMessage
	name, err := pick(fields, &raw, "gold", "answer", "label", "answerKey", "target")
	if err != nil {
		return q, err
	}
	_, isLogged := fields["arguments"]
	gold, ok := goldOf(raw, q.Texts, labels, isLogged)
	if !ok {
		return q, fmt.Errorf("%s: got %.60s, want an index from 0 to %d, a label, a letter or one of the choices", name, raw, len(q.Texts)-1)
	}
	q.Gold = gold
	return q, nil
}

// goldOf finds the right choice. A number is an index, also in quotes, unless it is a label; in quotes it is a choice's text where it can't be
// an index, and refused where it is one choice's index and another's text. A logged sample has the index alone.
func goldOf(raw json.RawMessage, texts, labels []string, isLogged bool) (int, bool) {
	var text string
	var at int
	if json.Unmarshal(raw, &at) == nil {
		return at, at >= 0 && at < len(texts)
	}
	if json.Unmarshal(raw, &text) != nil {
		return 0, false
	}
	if i := slices.Index(labels, text); i >= 0 && i < len(texts) {
		return i, true
	}
	at, err := strconv.Atoi(text)
	isIndex := err == nil && at >= 0 && at < len(texts)
	i := slices.Index(texts, text)
	switch {
	case isLogged && err == nil:
		return at, isIndex
	case isIndex && i >= 0:
		return i, i == at
	case i >= 0:
		return i, true
	case isIndex:
		return at, true
	case len(text) == 1 && text[0] >= 'A' && int(text[0]-'A') < len(texts):
		return int(text[0] - 'A'), true
	}
	return 0, false
}

// logged reads the arguments of a logged sample: an object of gen_args_N, or a list of pairs.
func logged(raw json.RawMessage) ([]Continuation, error) {
	var pairs [][]string
	if json.Unmarshal(raw, &pairs) != nil {
		var named map[string]struct {
			Context *string `json:"arg_0"`
			Text    *string `json:"arg_1"`
		}
		if err := json.Unmarshal(raw, &named); err != nil {
			return nil, fmt.Errorf("arguments: %w", err)
		}
		for i := range len(named) {
			a, ok := named["gen_args_"+strconv.Itoa(i)]
			if !ok || a.Context == nil || a.Text == nil {
				return nil, fmt.Errorf("arguments: no gen_args_%d with arg_0 and arg_1", i)
			}
			pairs = append(pairs, []string{*a.Context, *a.Text})
		}
	}
	var out []Continuation
	for i, p := range pairs {
		if len(p) != 2 {
			return nil, fmt.Errorf("arguments: request %d has %d parts, want a context and a continuation", i, len(p))
		}
		out = append(out, Continuation{p[0], p[1]})
	}
	return out, nil
}

func cloze(fields map[string]json.RawMessage) (Continuation, error) {
	if raw, ok := fields["arguments"]; ok {
		list, err := logged(raw)
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("arguments: got %d requests, want one: several are a multiple choice", len(list))
		}
		if err != nil {
			return Continuation{}, err
		}
		return list[0], notEmpty(list[0])
	}
	var c Continuation
	if raw, ok := fields["text"]; ok {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return c, fmt.Errorf("text: %w", err)
		}
		i := strings.LastIndexByte(text, ' ')
		if i < 0 || i+1 == len(text) {
			return c, errors.New("text: it has no last word after a space")
		}
		return Continuation{text[:i], text[i:]}, nil
	}
	if _, err := pick(fields, &c.Context, contextNames...); err != nil {
		return c, err
	}
	if _, err := pick(fields, &c.Text, "target", "continuation", "answer", "completion"); err != nil {
		return c, err
	}
	return c, notEmpty(c)
}

func notEmpty(c Continuation) error {
	if c.Text == "" {
		return errors.New("the continuation is empty")
	}
	return nil
}
