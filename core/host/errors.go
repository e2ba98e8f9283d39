package host

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/archlab/archlab/core/family"
)

// Kind says in which of the known ways a plugin could not be started.
type Kind string

// The ways not to start.
const (
	Missing       Kind = "missing"        // no such plugin
	NotExecutable Kind = "not executable" // a file without permission to run
	NotAPlugin    Kind = "not a plugin"   // it ran, or could not run, and never spoke the handshake
	PrintedFirst  Kind = "printed first"  // it wrote to stdout before the handshake
	ExitedEarly   Kind = "exited early"   // it ended before the handshake and said nothing on stdout
	WrongProtocol Kind = "wrong protocol" // it speaks another version of the protocol
	NoTLS         Kind = "no tls"         // an external plugin without the certificate that it owes
	NoAnswer      Kind = "no answer"      // the time to start ran out
	LockMismatch  Kind = "lock mismatch"  // not the file that plugins.lock pins
	NotPinned     Kind = "not pinned"     // plugins.lock does not know it
	BadLock       Kind = "bad lock"       // plugins.lock can't be read
	HostClosed    Kind = "host closed"    // Launch after Close
	Interrupted   Kind = "interrupted"    // the context of Launch ended first
)

// Error says why a plugin was not started.
type Error struct {
	Kind    Kind
	Plugin  string   // the reference as given
	Path    string   // the file, if one was found
	Message string   // what happened
	Advice  string   // what to do about it; may be empty
	Output  []string // the last lines that the process wrote
	Err     error    // the cause, if another error is
}

// Error reads `plugin "NAME": message` and the process's own last lines, indented.
func (e *Error) Error() string {
	return fmt.Sprintf("plugin %q: %s%s", e.Plugin, e.Message, quoteLines(e.Output))
}

// Hint says what to do; it may be empty.
func (e *Error) Hint() string { return e.Advice }

// Unwrap answers the contract's code and the cause.
func (e *Error) Unwrap() []error {
	code := family.Unavailable
	switch e.Kind {
	case Missing:
		code = family.NotFound
	case Interrupted:
		code = family.Canceled
	}
	out := []error{family.Errorf(code, "", "%s", e.Message)}
	if e.Err != nil {
		out = append(out, e.Err)
	}
	return out
}

// DeathError says that a plugin's process ended while it was needed.
type DeathError struct {
	Plugin string
	Path   string
	PID    int
	Call   string   // the call that noticed, or "" from Plugin.Err
	Exit   int      // the exit status, -1 after a signal
	Signal string   // the signal's name, or ""
	Panic  string   // the panic or traceback that the process wrote, or ""
	Log    []string // the last lines that the process wrote
}

// How reads "exit status 2" or "signal: killed".
func (e *DeathError) How() string {
	if e.Signal != "" {
		return "signal: " + e.Signal
	}
	return fmt.Sprintf("exit status %d", e.Exit)
}

// Error reads `plugin "NAME" (pid N) died in CALL: exit status 2: panic: ...` and the last lines, indented.
func (e *DeathError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "plugin %q (pid %d) died", e.Plugin, e.PID)
	if e.Call != "" {
		fmt.Fprintf(&b, " in %s", e.Call)
	}
	fmt.Fprintf(&b, ": %s", e.How())
	if e.Panic != "" {
		first, _, _ := strings.Cut(e.Panic, "\n")
		fmt.Fprintf(&b, ": %s", first)
		b.WriteString(quoteLines(strings.Split(e.Panic, "\n")))
		return b.String()
	}
	b.WriteString(quoteLines(e.Log))
	return b.String()
}

// Hint says what the way of dying usually means; it may be empty.
func (e *DeathError) Hint() string {
	switch {
	case e.Panic != "":
		return "this is a bug of the plugin; its author needs the text above"
	case e.Signal == "killed":
		return "nobody here killed it: the system does so when memory runs out; try a smaller model or batch"
	}
	return ""
}

// Unwrap answers the contract's code.
func (e *DeathError) Unwrap() error {
	return family.Errorf(family.Unavailable, "", "the plugin's process died: %s", e.How())
}

// HungError says that a call outlasted its deadline. The plugin was told to stop the call; whether it did is not known.
type HungError struct {
	Plugin string
	PID    int
	Call   string
	After  time.Duration
	Log    []string
}

// Error reads `plugin "NAME" (pid N): no answer to CALL within 30s`.
func (e *HungError) Error() string {
	return fmt.Sprintf("plugin %q (pid %d): no answer to %s within %v%s", e.Plugin, e.PID, e.Call, e.After, quoteLines(e.Log))
}

// Hint says what to do.
func (e *HungError) Hint() string {
	return "if the call only needs longer, raise the deadline for calls"
}

// Unwrap answers the contract's code.
func (e *HungError) Unwrap() error {
	return family.Errorf(family.Unavailable, "", "no answer to %s within %v", e.Call, e.After)
}

// Hint answers the first hint in err's chain, or "".
func Hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// shownLines is how many of a process's last lines an error repeats.
const shownLines = 12

func quoteLines(lines []string) string {
	if n := len(lines); n > shownLines {
		lines = lines[n-shownLines:]
	}
	var b strings.Builder
	for _, l := range lines {
		b.WriteString("\n  | ")
		b.WriteString(l)
	}
	return b.String()
}
