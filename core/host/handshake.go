package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/archlab/archlab/core/wire"
)

// The handshake is the first line on a plugin's stdout: core|version|network|address|protocol|certificate. go-plugin reads
// it too, but its errors do not say what else the process printed or how it ended, so the line is judged here first.

// coreVersion is go-plugin's own protocol version.
const coreVersion = 1

// afterNoise is how long a process that printed something else may still take to come up with the handshake. It fails
// either way; the wait only tells a plugin that prints from a program that is none.
const afterNoise = 2 * time.Second

// maxNoise is the number of lines after which a process is no plugin.
const maxNoise = 100

// isHandshake says that a line has the handshake's form, whatever its values.
func isHandshake(line string) bool {
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 4 {
		return false
	}
	for _, p := range parts[:2] {
		if _, err := strconv.Atoi(p); err != nil {
			return false
		}
	}
	return parts[2] == "unix" || parts[2] == "tcp"
}

// checkHandshake says what of a handshake does not fit this host.
func checkHandshake(line string, wantTLS bool) *Error {
	parts := strings.Split(strings.TrimSpace(line), "|")
	core, _ := strconv.Atoi(parts[0])
	version, _ := strconv.Atoi(parts[1])
	switch {
	case core != coreVersion:
		return &Error{Kind: WrongProtocol, Message: fmt.Sprintf("it speaks version %d of go-plugin's protocol, this archlab speaks %d", core, coreVersion),
			Advice: "rebuild the plugin with a go-plugin release of version 1"}
	case version > wire.ProtocolVersion:
		return &Error{Kind: WrongProtocol, Message: fmt.Sprintf("it speaks protocol version %d, this archlab speaks %d", version, wire.ProtocolVersion),
			Advice: "the plugin is newer than archlab: update archlab, or build the plugin against this version"}
	case version < wire.ProtocolVersion:
		return &Error{Kind: WrongProtocol, Message: fmt.Sprintf("it speaks protocol version %d, this archlab speaks %d", version, wire.ProtocolVersion),
			Advice: "the plugin is older than archlab: rebuild it with the current core/sdk"}
	case len(parts) < 5 || parts[4] != "grpc":
		return &Error{Kind: WrongProtocol, Message: "it does not serve gRPC (the fifth part of its handshake is not \"grpc\")",
			Advice: "docs/protocol.md says what a plugin serves"}
	case wantTLS && (len(parts) < 6 || len(parts[5]) <= 50): // go-plugin ignores anything shorter
		return &Error{Kind: NoTLS, Message: "its handshake carries no certificate: external plugins are only talked to over mutual TLS",
			Advice: "serve with the certificate in PLUGIN_CLIENT_CERT, as docs/protocol.md says"}
	}
	return nil
}

// shake waits for the handshake among the lines of a process's stdout. The error has neither plugin nor path nor output yet.
func shake(lines <-chan string, wantTLS bool, timeout time.Duration) (string, *Error) {
	limit := time.NewTimer(timeout)
	defer limit.Stop()
	var quiet <-chan time.Time
	var noise []string
	for {
		select {
		case line, ok := <-lines:
			switch {
			case !ok && len(noise) == 0:
				return "", &Error{Kind: ExitedEarly, Message: "it ended before it said anything"}
			case !ok:
				return "", notAPlugin(noise)
			case !isHandshake(line):
				noise = append(noise, line)
				if len(noise) >= maxNoise {
					return "", notAPlugin(noise)
				}
				if quiet == nil {
					quiet = time.After(afterNoise)
				}
				continue
			case len(noise) > 0:
				return "", &Error{Kind: PrintedFirst, Message: fmt.Sprintf("it printed to stdout before the handshake: %s", sample(noise)),
					Advice: "the first line on a plugin's stdout must be the handshake; send everything else to stderr"}
			}
			return line, checkHandshake(line, wantTLS)
		case <-quiet:
			return "", notAPlugin(noise)
		case <-limit.C:
			return "", &Error{Kind: NoAnswer, Message: fmt.Sprintf("no handshake within %v", timeout),
				Advice: "is it a plugin at all? a plugin that loads for long should print its handshake first"}
		}
	}
}

func notAPlugin(noise []string) *Error {
	return &Error{Kind: NotAPlugin, Message: fmt.Sprintf("it is not a plugin, or prints to stdout before its handshake: it wrote %s", sample(noise)),
		Advice: "docs/protocol.md says what a plugin writes first"}
}

// sample quotes the first lines that a process wrote.
func sample(lines []string) string {
	const show, width = 3, 120
	var out []string
	for _, l := range lines[:min(show, len(lines))] {
		if len(l) > width {
			l = l[:width] + "..."
		}
		out = append(out, strconv.Quote(l))
	}
	s := strings.Join(out, ", ")
	if n := len(lines) - show; n > 0 {
		s += fmt.Sprintf(" and %d more lines", n)
	}
	return s
}
