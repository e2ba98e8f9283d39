package tokenizer

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPatternThatBacktracks(t *testing.T) {
	p, err := newPattern("(x+x+)+y", true)
	if err != nil {
		t.Fatal(err)
	}
	p.limit = timeLimit{search: time.Millisecond}
	find := func(text string) (err error) {
		defer Catch(&err)
		p.find(nil, []byte(text))
		return nil
	}
	err = find(strings.Repeat("x", 60))
	var e *PatternError
	if !errors.Is(err, ErrSlow) || !errors.As(err, &e) || e.Deep || len(err.Error()) > 200 || e.Bytes != 60 || e.Pattern != "(x+x+)+y" || e.Hint() == "" {
		t.Errorf("got %v", err)
	}
	if err := find(strings.Repeat("x", 1<<20)); err == nil || len(err.Error()) > 200 {
		t.Errorf("got %.400v", err)
	}
	if err := (&PatternError{Pattern: strings.Repeat("é", 1<<20)}).Error(); len(err) > 400 || !utf8.ValidString(err) {
		t.Errorf("the message of a long pattern has %d bytes", len(err))
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

// Ways that are left to try have a bound of memory, which is another complaint.
func TestPatternOfManyWays(t *testing.T) {
	p, err := newPattern("(?:x|xy)+z", true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		var e *PatternError
		if !errors.As(err, &e) || !e.Deep || !strings.Contains(err.Error(), "has too many ways to try on a text of 1048576 bytes") {
			t.Errorf("got %.400v", err)
		}
	}()
	defer Catch(&err)
	p.find(nil, bytes.Repeat([]byte("x"), 1<<20))
}

// A search for one match may go over the whole of a document; the limit is for what takes more time a rune the longer the text is.
func TestPatternOverLongText(t *testing.T) {
	p, err := newPattern(`(?i:[a-z]+)QZ\d`, true)
	if err != nil {
		t.Fatal(err)
	}
	p.limit.search = time.Millisecond
	text := []byte(strings.Repeat("the quick brown fox jumps over internationalised dogs ", 40000))
	defer func() {
		if err != nil {
			t.Error(err)
		}
	}()
	defer Catch(&err)
	if got := p.find(nil, text); len(got) != 1 || got[0].is {
		t.Errorf("got %v", got)
	}
}
