package wire

import (
	"context"

	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// The calls on a model that take and answer one small message.

// Open implements the service.
func (s *server) Open(ctx context.Context, req *pb.OpenRequest) (*pb.OpenResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	done := busy(ctx)
	ids, err := m.Open(ctx, int(req.GetN()))
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return &pb.OpenResponse{States: encodeStates(ids)}, nil
}

// Fork implements the service.
func (s *server) Fork(ctx context.Context, req *pb.ForkRequest) (*pb.ForkResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	done := busy(ctx)
	ids, err := m.Fork(ctx, decodeStates(req.GetStates()))
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return &pb.ForkResponse{States: encodeStates(ids)}, nil
}

// Rewind implements the service.
func (s *server) Rewind(ctx context.Context, req *pb.RewindRequest) (*pb.RewindResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	done := busy(ctx)
	err = m.Rewind(ctx, decodeStates([]uint64{req.GetState()})[0], int(req.GetN()))
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return &pb.RewindResponse{}, nil
}

// Close implements the service.
func (s *server) Close(ctx context.Context, req *pb.CloseRequest) (*pb.CloseResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	done := busy(ctx)
	err = m.Close(ctx, decodeStates(req.GetStates()))
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return &pb.CloseResponse{}, nil
}

// Quantize implements the service.
func (s *server) Quantize(ctx context.Context, req *pb.QuantizeRequest) (*pb.QuantizeResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	done := busy(ctx)
	card, err := m.Quantize(ctx, req.GetScheme())
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return &pb.QuantizeResponse{Card: encodeCard(card)}, nil
}

// Profile implements the service.
func (s *server) Profile(ctx context.Context, req *pb.ProfileRequest) (*pb.ProfileResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	done := busy(ctx)
	p, err := m.Profile(ctx, req.GetReset_())
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return encodeProfile(p), nil
}

// Release implements the service. The handle is gone even when the family's own release fails.
func (s *server) Release(ctx context.Context, req *pb.ReleaseRequest) (*pb.ReleaseResponse, error) {
	m, err := s.model(req.GetModel())
	if err != nil {
		return nil, toStatus(err)
	}
	s.mu.Lock()
	delete(s.models, req.GetModel())
	s.mu.Unlock()
	done := busy(ctx)
	err = m.Release(ctx)
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return &pb.ReleaseResponse{}, nil
}
