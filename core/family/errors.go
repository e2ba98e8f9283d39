package family

import (
	"errors"
	"fmt"
)

// Code classifies an error so that the other side of the wire can act on it.
type Code string

// The codes of the contract.
const (
	InvalidConfig   Code = "invalid_config"   // Build refused a config; Field is the config's key
	InvalidArgument Code = "invalid_argument" // another call refused its input; Field names it
	NotFound        Code = "not_found"        // no such handle, state or site
	Unimplemented   Code = "unimplemented"    // the family lacks this capability
	Corrupt         Code = "corrupt"          // Load was given bytes that are not a checkpoint of this model
	Exhausted       Code = "exhausted"        // out of memory, disk or a limit
	Canceled        Code = "canceled"         // the call's context ended first
	Unavailable     Code = "unavailable"      // the plugin's process is gone
	Internal        Code = "internal"         // a bug of the plugin
)

// Error is a typed error of the contract: what was refused, where, and what was expected.
type Error struct {
	Code    Code
	Field   string // the offending field, e.g. "heads" or "batch.tokens[3]"; may be empty
	Message string // what was got and what was expected
}

// Error reads "field: message".
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

// Errorf makes an *Error.
func Errorf(code Code, field, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// CodeOf answers the code of the first *Error in err's chain, Internal for any other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}
