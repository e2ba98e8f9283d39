package wire

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// server answers archlabv1 out of a family.Family and keeps its models behind handles.
type server struct {
	pb.UnimplementedFamilyServer
	fam family.Family

	mu     sync.Mutex
	last   uint64 // handles are never used twice
	models map[uint64]family.Model
}

func newServer(fam family.Family) *server {
	return &server{fam: fam, models: map[uint64]family.Model{}}
}

// model answers the model behind a handle.
func (s *server) model(id uint64) (family.Model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.models[id]
	if !ok {
		return nil, family.Errorf(family.NotFound, "model", "no model has the handle %d", id)
	}
	return m, nil
}

// releaseAll frees every model that is left, oldest first.
func (s *server) releaseAll(ctx context.Context) {
	s.mu.Lock()
	models := s.models
	s.models = map[uint64]family.Model{}
	s.mu.Unlock()
	ids := make([]uint64, 0, len(models))
	for id := range models {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		_ = models[id].Release(ctx) // nobody is left to hear of it
	}
}

// busy times the family's own work: run when it ends, the result reports it in the call's trailer.
func busy(ctx context.Context) func() {
	start := time.Now()
	return func() {
		ns := time.Since(start).Nanoseconds()
		// It fails only outside a handler or after its end.
		_ = grpc.SetTrailer(ctx, metadata.Pairs(busyTrailer, strconv.FormatInt(ns, 10)))
	}
}

// Describe implements the service.
func (s *server) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	done := busy(ctx)
	d, err := s.fam.Describe(ctx)
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	return encodeDescription(d), nil
}

// Build implements the service. A model whose caller has gone away is released at once: nobody would learn its handle. (A
// caller who leaves while the answer is under way is not noticed; its model lives until the process ends.)
func (s *server) Build(ctx context.Context, req *pb.BuildRequest) (*pb.BuildResponse, error) {
	done := busy(ctx)
	m, card, err := s.fam.Build(ctx, decodeBuild(req))
	done()
	if err != nil {
		return nil, toStatus(err)
	}
	out := &pb.BuildResponse{Card: encodeCard(card)}
	if req.GetCardOnly() {
		return out, nil
	}
	if m == nil {
		return nil, toStatus(family.Errorf(family.Internal, "", "the family built no model"))
	}
	if err := ctx.Err(); err != nil {
		_ = m.Release(context.WithoutCancel(ctx))
		return nil, toStatus(err)
	}
	s.mu.Lock()
	s.last++
	out.Model = s.last
	s.models[s.last] = m
	s.mu.Unlock()
	return out, nil
}

// Train implements the service.
func (s *server) Train(stream grpc.ClientStreamingServer[pb.TrainRequest, pb.TrainResponse]) error {
	head, err := recvChunked(stream.Recv, trainTensors)
	if err != nil {
		return toStatus(err)
	}
	m, err := s.model(head.GetModel())
	if err != nil {
		return toStatus(err)
	}
	req, err := decodeTrain(head)
	if err != nil {
		return toStatus(err)
	}
	done := busy(stream.Context())
	res, err := m.Train(stream.Context(), req)
	done()
	if err != nil {
		return toStatus(err)
	}
	return stream.SendAndClose(encodeTrained(res))
}

// Score implements the service.
func (s *server) Score(stream grpc.BidiStreamingServer[pb.ScoreRequest, pb.ScoreResponse]) error {
	head, err := recvChunked(stream.Recv, scoreTensors)
	if err != nil {
		return toStatus(err)
	}
	m, err := s.model(head.GetModel())
	if err != nil {
		return toStatus(err)
	}
	b, err := decodeBatch(head.GetBatch())
	if err != nil {
		return toStatus(err)
	}
	done := busy(stream.Context())
	res, err := m.Score(stream.Context(), b)
	done()
	if err == nil {
		err = checkScore(res, b.B, b.T)
	}
	if err != nil {
		return toStatus(err)
	}
	out := &pb.ScoreResponse{LogProbs: f32Tensor(res.LogProbs, b.B, b.T), Correct: boolTensor(res.Correct, b.B, b.T)}
	return sendChunked(stream.Send, out, scoredTensors(out), scoredChunk, chunkBytes)
}

// Extend implements the service.
func (s *server) Extend(stream grpc.BidiStreamingServer[pb.ExtendRequest, pb.ExtendResponse]) error {
	head, err := recvChunked(stream.Recv, extendTensors)
	if err != nil {
		return toStatus(err)
	}
	m, err := s.model(head.GetModel())
	if err != nil {
		return toStatus(err)
	}
	req, err := decodeExtend(head)
	if err != nil {
		return toStatus(err)
	}
	done := busy(stream.Context())
	res, err := m.Extend(stream.Context(), req)
	done()
	if err != nil {
		return toStatus(err)
	}
	out, err := encodeExtended(res, len(req.Items), req.Draft)
	if err != nil {
		return toStatus(err)
	}
	return sendChunked(stream.Send, out, extendedTensors(out), extendedChunk, chunkBytes)
}

// Trace implements the service.
func (s *server) Trace(stream grpc.BidiStreamingServer[pb.TraceRequest, pb.TraceResponse]) error {
	head, err := recvChunked(stream.Recv, traceTensors)
	if err != nil {
		return toStatus(err)
	}
	m, err := s.model(head.GetModel())
	if err != nil {
		return toStatus(err)
	}
	req, err := decodeTrace(head)
	if err != nil {
		return toStatus(err)
	}
	done := busy(stream.Context())
	res, err := m.Trace(stream.Context(), req)
	done()
	if err != nil {
		return toStatus(err)
	}
	out, err := encodeTraced(res, req.Batch.B, req.Batch.T)
	if err != nil {
		return toStatus(err)
	}
	return sendChunked(stream.Send, out, tracedTensors(out), tracedChunk, chunkBytes)
}

// Save implements the service.
func (s *server) Save(req *pb.SaveRequest, stream grpc.ServerStreamingServer[pb.SaveResponse]) error {
	m, err := s.model(req.GetModel())
	if err != nil {
		return toStatus(err)
	}
	done := busy(stream.Context())
	w := &chunkWriter{send: stream.Send}
	if err = m.Save(stream.Context(), family.Part(req.GetPart()), w); err == nil {
		err = w.flush()
	}
	done()
	return toStatus(err)
}

// Load implements the service.
func (s *server) Load(stream grpc.ClientStreamingServer[pb.LoadRequest, pb.LoadResponse]) error {
	head, err := stream.Recv()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = family.Errorf(family.InvalidArgument, "", "the stream ended before its first message")
		}
		return toStatus(err)
	}
	m, err := s.model(head.GetModel())
	if err != nil {
		return toStatus(err)
	}
	done := busy(stream.Context())
	err = m.Load(stream.Context(), family.Part(head.GetPart()), &chunkReader{recv: stream.Recv, data: head.GetData()})
	done()
	if err != nil {
		return toStatus(err)
	}
	return stream.SendAndClose(&pb.LoadResponse{})
}
