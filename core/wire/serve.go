package wire

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// NewGRPCServer makes a gRPC server with the contract's limits. A panic in a handler becomes a typed error of that call; its
// stack goes to log, which may be nil.
func NewGRPCServer(log io.Writer, opts ...grpc.ServerOption) *grpc.Server {
	opts = append(opts, serverOptions()...)
	opts = append(opts,
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (res any, err error) {
			defer recovered(log, info.FullMethod, &err)
			return next(ctx, req)
		}),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) (err error) {
			defer recovered(log, info.FullMethod, &err)
			return next(srv, stream)
		}))
	return grpc.NewServer(opts...)
}

// recovered turns the panic that it is deferred against into *err.
func recovered(log io.Writer, method string, err *error) {
	v := recover()
	if v == nil {
		return
	}
	call := strings.ToLower(method[strings.LastIndexByte(method, '/')+1:])
	if log != nil {
		fmt.Fprintf(log, "panic in %s: %v\n\n%s\n", call, v, debug.Stack())
	}
	*err = toStatus(family.Errorf(family.Internal, "", "panic in %s: %v%s", call, v, panicSite()))
}

// panicSite names the function that panicked, seen from a deferred call.
func panicSite() string {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	below := false // past runtime.gopanic, and past the runtime's own frames that follow it for a fault
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if below && !inRuntime {
			return fmt.Sprintf(" (%s:%d in %s)", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line, f.Function[strings.LastIndexByte(f.Function, '/')+1:])
		}
		below = below || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}

// Plugin is go-plugin's adapter. A plugin's process sets Family; the host sets Around or leaves it nil.
type Plugin struct {
	plugin.NetRPCUnsupportedPlugin
	Family family.Family
	Around Around
}

// GRPCServer registers the family's service.
func (p *Plugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	if p.Family == nil {
		return fmt.Errorf("no family to serve")
	}
	pb.RegisterFamilyServer(s, newServer(p.Family))
	return nil
}

// GRPCClient answers a family.Family.
func (p *Plugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn, p.Around), nil
}

var _ plugin.GRPCPlugin = (*Plugin)(nil)

// InProcess runs a family behind the same server and client as in a process of its own, over memory. stop releases what is
// left of its models. Panics become errors, as they do in a plugin.
func InProcess(fam family.Family) (remote family.Family, stop func()) {
	return inProcess(fam, nil)
}

func inProcess(fam family.Family, around Around) (family.Family, func()) {
	lis := bufconn.Listen(1 << 20)
	impl := newServer(fam)
	srv := NewGRPCServer(nil)
	pb.RegisterFamilyServer(srv, impl)
	go func() { _ = srv.Serve(lis) }() // ends with Stop

	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return lis.DialContext(ctx) })
	opts := append(DialOptions(), dial, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient("passthrough:///memory", opts...)
	if err != nil { // only for a malformed target or contradicting options: every call then says so
		srv.Stop()
		broken := func(context.Context, *Call, func(context.Context) error) error {
			return family.Errorf(family.Internal, "", "in-process connection: %v", err)
		}
		return NewClient(conn, broken), func() {}
	}
	return NewClient(conn, around), func() {
		_ = conn.Close()
		srv.Stop()
		impl.releaseAll(context.Background())
	}
}
