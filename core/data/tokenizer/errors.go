package tokenizer

import (
	"errors"
	"fmt"
)

// What can be wrong with a tokenizer's file, for errors.Is.
var (
	ErrFormat      = errors.New("wrong format")      // not a tokenizer's file, or a broken one
	ErrUnsupported = errors.New("not supported")     // a tokenizer's file that asks for something unknown here
	ErrConfig      = errors.New("wrong setting")     // of a model or of training
	ErrTooLarge    = errors.New("too large to read") // more than any tokenizer's file has
	ErrSlow        = errors.New("takes too long")    // a regular expression of a tokenizer's file: see PatternError
)

// Error says what is wrong with which field.
type Error struct {
	Kind    error  // one of the sentinels above
	Where   string // the field, e.g. "normalizer.normalizers[1].type"; may be empty
	Message string // what was got and what was expected
}

// Error reads "where: message".
func (e *Error) Error() string {
	if e.Where == "" {
		return e.Message
	}
	return e.Where + ": " + e.Message
}

// Unwrap gives errors.Is the kind.
func (e *Error) Unwrap() error { return e.Kind }

func errorf(kind error, where, format string, args ...any) *Error {
	return &Error{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)}
}
