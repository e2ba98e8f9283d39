package wire

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// Call is one call of the contract as it passes through the client.
type Call struct {
	Name string        // the method in lower case: "build", "train" ...
	Busy time.Duration // how long the family itself worked, as the plugin reports after the call; 0 if it does not
}

// Around runs each call of a client: it may bound its context, time it and judge its error. It must run do exactly once
// unless it refuses the call.
type Around func(ctx context.Context, call *Call, do func(context.Context) error) error

// client is a family.Family at the other end of a connection.
type client struct {
	rpc    pb.FamilyClient
	around Around
}

// NewClient answers the family that is served at the other end of conn. around may be nil.
func NewClient(conn grpc.ClientConnInterface, around Around) family.Family {
	if around == nil {
		around = func(ctx context.Context, _ *Call, do func(context.Context) error) error { return do(ctx) }
	}
	return &client{rpc: pb.NewFamilyClient(conn), around: around}
}

// call runs one RPC. Whatever way it ends, its stream is torn down with the context.
func (c *client) call(ctx context.Context, name string, rpc func(ctx context.Context, opt grpc.CallOption) error) error {
	call := &Call{Name: name}
	return c.around(ctx, call, func(ctx context.Context) error {
		inner, cancel := context.WithCancel(ctx)
		defer cancel()
		var trailer metadata.MD
		err := rpc(inner, grpc.Trailer(&trailer))
		if v := trailer.Get(busyTrailer); len(v) == 1 {
			if ns, perr := strconv.ParseInt(v[0], 10, 64); perr == nil && ns > 0 {
				call.Busy = time.Duration(ns)
			}
		}
		return fromStatus(ctx, err)
	})
}

// Describe implements family.Family.
func (c *client) Describe(ctx context.Context) (d family.Description, err error) {
	err = c.call(ctx, "describe", func(ctx context.Context, opt grpc.CallOption) error {
		m, err := c.rpc.Describe(ctx, &pb.DescribeRequest{}, opt)
		d = decodeDescription(m)
		return err
	})
	return d, err
}

// Build implements family.Family.
func (c *client) Build(ctx context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	var m *pb.BuildResponse
	err := c.call(ctx, "build", func(ctx context.Context, opt grpc.CallOption) (err error) {
		m, err = c.rpc.Build(ctx, encodeBuild(req), opt)
		return err
	})
	if err != nil {
		return nil, family.Card{}, err
	}
	card := decodeCard(m.GetCard())
	if req.CardOnly {
		return nil, card, nil
	}
	if m.GetModel() == 0 {
		return nil, card, family.Errorf(family.Internal, "model", "the plugin built a model without a handle")
	}
	return &model{client: c, id: m.GetModel()}, card, nil
}
