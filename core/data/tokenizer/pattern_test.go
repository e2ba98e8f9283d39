package tokenizer

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPatternThatBacktracks(t *testing.T) {
	p, err := newPattern("(x+x+)+y", true)
	if err != nil {
		t.Fatal(err)
	}
	p.re.MatchTimeout = time.Millisecond
	find := func(text string) (err error) {
		defer Catch(&err)
		p.find(nil, []byte(text))
		return nil
	}
	err = find(strings.Repeat("x", 60))
	var e *PatternError
	if !errors.Is(err, ErrSlow) || !errors.As(err, &e) || e.Bytes != 60 || e.Pattern != "(x+x+)+y" || e.Hint() == "" {
		t.Errorf("got %v", err)
	}
	if err := find("xxxxy xxy"); err != nil {
		t.Error(err)
	}
	defer func() {
		if recover() != "else" {
			t.Error("another panic is caught")
		}
	}()
	var other error
	func() {
		defer Catch(&other)
		panic("else")
	}()
}
