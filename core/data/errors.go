package data

import (
	"errors"
	"fmt"
)

// What can be wrong with data, for errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrEmpty    = errors.New("no text")
	ErrFormat   = errors.New("wrong format")
	ErrConfig   = errors.New("wrong setting")
	ErrChanged  = errors.New("changed while in use")
	ErrCorrupt  = errors.New("corrupt")
	ErrTooShort = errors.New("too short")
)

// Error says what is wrong with which input, and what to do about it.
type Error struct {
	Kind    error  // one of the sentinels above
	Where   string // file, file:line, or a setting such as "data.path"; may be empty
	Message string // what was got and what was expected
	Advice  string // what the user can do; may be empty
	Err     error  // the cause; may be nil
}

// Error reads "where: message: cause".
func (e *Error) Error() string {
	s := e.Message
	if e.Where != "" {
		s = e.Where + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Hint is what the user can do, or "".
func (e *Error) Hint() string { return e.Advice }

// Unwrap gives errors.Is both the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

func errorf(kind error, where, format string, args ...any) *Error {
	return &Error{Kind: kind, Where: where, Message: fmt.Sprintf(format, args...)}
}

func (e *Error) hint(format string, args ...any) *Error {
	e.Advice = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) cause(err error) *Error {
	e.Err = err
	return e
}
