package sdk

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/wire"
)

// Serve serves fam to the host that started this process and returns when the host closes the plugin. It is all that a
// plugin's main calls.
//
// While it serves: a panic inside a call becomes an Internal error of that call, with its stack on stderr; what the process
// prints to stdout or stderr goes to the host's log of the plugin; and the process exits when its host is gone, however the
// host ended. Started by hand, it says what it is and exits with status 1.
//
// Do not print before calling Serve: the first line on stdout is the handshake.
func Serve(fam family.Family) {
	if os.Getenv(wire.Handshake.MagicCookieKey) != wire.Handshake.MagicCookieValue {
		introduce(os.Stderr, fam)
		os.Exit(1)
	}
	stderr := os.Stderr // go-plugin replaces the variable
	watchHost()

	var once sync.Once
	served := false
	arrived := func() {
		once.Do(func() {
			served = true
			keepStdio(stderr)
		})
	}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: wire.Handshake,
		Plugins:         plugin.PluginSet{wire.PluginName: &wire.Plugin{Family: fam}},
		Logger:          hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: stderr}),
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			opts = append(opts,
				grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
					arrived()
					return next(ctx, req)
				}),
				grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
					arrived()
					return next(srv, stream)
				}))
			return wire.NewGRPCServer(stderr, opts...)
		},
	})
	once.Do(func() {}) // orders the read of served after a call that is still arriving
	if !served {
		fmt.Fprintln(stderr, "plugin: no host connected")
		os.Exit(1)
	}
}

// keepStdio gives the process its own stderr back and sends stdout there too. go-plugin would carry both in a gRPC stream,
// which loses the last lines of a dying process, and would leave the pipe of the handshake as the process's stdout, where
// a line of 64 KiB from C code blocks for ever. It runs inside the first call, by which time go-plugin is done with both.
func keepStdio(stderr *os.File) {
	os.Stdout, os.Stderr = stderr, stderr
	redirectStdout(stderr)
}

// introduce tells a person who started the binary by hand what it is.
func introduce(w io.Writer, fam family.Family) {
	name := filepath.Base(os.Args[0])
	what := "a plugin"
	if d, err := fam.Describe(context.Background()); err == nil && d.Name != "" {
		what = fmt.Sprintf("the family %q, version %s", d.Name, d.Version)
		if d.Summary != "" {
			what += fmt.Sprintf(" (%s)", d.Summary)
		}
	}
	fmt.Fprintf(w, "%s is a plugin of archlab and does nothing on its own. It serves %s.\n", name, what)
	fmt.Fprintf(w, "Look at it with:  archlab plugin info PATH\n")
	fmt.Fprintf(w, "Check it with:    archlab plugin verify PATH\n")
}
