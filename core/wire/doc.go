// Package wire carries the contract of core/family between two processes: protobuf messages (archlabv1), a client that is a
// family.Family, a server that wraps one, and go-plugin's adapter for both. It only translates. It starts no process
// (core/host does), serves no main function (core/sdk does) and knows no family.
//
//	fam, stop := wire.InProcess(mine) // the same client and server over memory, for tests and profiling
//	defer stop()
//	d, err := fam.Describe(ctx)
package wire

//go:generate ./generate.sh

import (
	"math"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// ProtocolVersion is the version of archlabv1 and of the meanings behind it. It changes when an old plugin could no longer
// be driven by a new host or the reverse.
const ProtocolVersion = 1

// PluginName is the key of the one plugin that a process serves.
const PluginName = "family"

// Handshake is what go-plugin compares before anything else. The cookie is no secret: it only tells a plugin that it was
// started by a host and not by a person.
var Handshake = plugin.HandshakeConfig{
	ProtocolVersion:  ProtocolVersion,
	MagicCookieKey:   "ARCHLAB_PLUGIN",
	MagicCookieValue: "a-family-of-language-models",
}

// LifelineEnv tells a plugin that its standard input is a pipe that the host holds open while it lives: when the pipe ends,
// the host is gone and the plugin must exit.
const LifelineEnv = "ARCHLAB_LIFELINE"

const (
	// chunkBytes is the tensor data a sender puts into one message: large enough that the cost of a message vanishes, small
	// enough that no end buffers a whole checkpoint.
	chunkBytes = 8 << 20

	// maxMessage is what either end accepts: far above chunkBytes, for plugins that do not chunk, and far below the 2 GiB at
	// which protobuf itself ends.
	maxMessage = 1 << 30

	// window lets a whole chunk be under way before the receiver has to answer.
	window = 2 * chunkBytes
)

// busyTrailer is the trailing metadata in which a server says how long the family itself worked on a call.
const busyTrailer = "archlab-busy-nanoseconds"

// DialOptions raise gRPC's limits on the host's end.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(math.MaxInt32)),
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(256 << 10),
		grpc.WithWriteBufferSize(256 << 10),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0), // a plugin's socket is connected to once
	}
}

// serverOptions raise gRPC's limits on the plugin's end.
func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.ReadBufferSize(256 << 10),
		grpc.WriteBufferSize(256 << 10),
	}
}
