package wire

import (
	"errors"
	"io"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// Streams of one message and its chunks. The first message ("head") carries every field; what does not fit of its tensors
// follows as chunks, tensor after tensor.

// chunked is a message that may be a head or hold a chunk.
type chunked interface {
	GetChunk() *pb.Chunk
}

// sendChunked sends head, whose tensors are given in the order of the wire, in messages of at most limit bytes of tensor
// data each. wrap makes the message that holds a chunk.
func sendChunked[M any](send func(M) error, head M, tensors []*pb.Tensor, wrap func(*pb.Chunk) M, limit int) error {
	room := limit
	rest := make([][]byte, 0, 8) // what the head has no room for, by tensor
	for _, t := range tensors {
		n := min(room, len(t.Data))
		rest = append(rest, t.Data[n:])
		t.Data = t.Data[:n]
		room -= n
	}
	if err := send(head); err != nil {
		return err
	}
	for i, data := range rest {
		for len(data) > 0 {
			n := min(limit, len(data))
			if err := send(wrap(&pb.Chunk{Tensor: uint32(i), Data: data[:n]})); err != nil {
				return err
			}
			data = data[n:]
		}
	}
	return nil
}

// recvChunked receives a head and the chunks that complete its tensors, and nothing after them.
func recvChunked[M chunked](recv func() (M, error), tensors func(M) []*pb.Tensor) (M, error) {
	var none M
	head, err := recv()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return none, family.Errorf(family.InvalidArgument, "", "the stream ended before its first message")
		}
		return none, err
	}
	if head.GetChunk() != nil {
		return none, family.Errorf(family.InvalidArgument, "chunk", "the first message of a stream holds a chunk")
	}
	list := tensors(head)
	for i := 0; i < len(list); {
		t := list[i]
		want, ok := size(t)
		switch {
		case !ok:
			return none, check(t, "tensor", "", -1)
		case len(t.Data) > want:
			return none, check(t, "tensor", "", -1)
		case len(t.Data) == want:
			i++
			continue
		}
		m, err := recv()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return none, family.Errorf(family.InvalidArgument, "chunk", "the stream ended at byte %d of %d of tensor %d", len(t.Data), want, i)
			}
			return none, err
		}
		c := m.GetChunk()
		switch {
		case c == nil || len(c.Data) == 0:
			return none, family.Errorf(family.InvalidArgument, "chunk", "a message without a chunk follows at byte %d of %d of tensor %d", len(t.Data), want, i)
		case int(c.Tensor) != i:
			return none, family.Errorf(family.InvalidArgument, "chunk", "chunk of tensor %d where tensor %d is at byte %d of %d", c.Tensor, i, len(t.Data), want)
		}
		t.Data = grow(t.Data, want)
		t.Data = append(t.Data, c.Data...)
	}
	return head, nil
}

// grow gives data room for all of want bytes once a fair share of them has arrived, so that a false shape can't make the
// receiver allocate more than a few times what was sent.
func grow(data []byte, want int) []byte {
	if cap(data) >= want || len(data) < want/8 {
		return data
	}
	out := make([]byte, len(data), want)
	copy(out, data)
	return out
}

// present drops the nil tensors: absent ones have no number on the wire.
func present(list ...*pb.Tensor) []*pb.Tensor {
	out := list[:0]
	for _, t := range list {
		if t != nil {
			out = append(out, t)
		}
	}
	return out
}

func batchTensors(b *pb.Batch) []*pb.Tensor {
	return present(b.GetTokens(), b.GetTargets(), b.GetWeights(), b.GetStarts())
}

func trainTensors(m *pb.TrainRequest) []*pb.Tensor {
	var out []*pb.Tensor
	for _, b := range m.GetMicroBatches() {
		out = append(out, batchTensors(b)...)
	}
	return out
}

func scoreTensors(m *pb.ScoreRequest) []*pb.Tensor { return batchTensors(m.GetBatch()) }

func scoredTensors(m *pb.ScoreResponse) []*pb.Tensor {
	return present(m.GetLogProbs(), m.GetCorrect())
}

func extendTensors(m *pb.ExtendRequest) []*pb.Tensor { return present(m.GetTokens()) }

func extendedTensors(m *pb.ExtendResponse) []*pb.Tensor {
	return present(m.GetLogits(), m.GetIds(), m.GetDraft())
}

func traceTensors(m *pb.TraceRequest) []*pb.Tensor {
	out := batchTensors(m.GetBatch())
	for _, e := range m.GetEdits() {
		out = append(out, present(e.GetData())...)
	}
	return out
}

func tracedTensors(m *pb.TraceResponse) []*pb.Tensor {
	return present(append(append([]*pb.Tensor{}, m.GetCaptured()...), m.GetLogProbs(), m.GetCorrect())...)
}

func trainChunk(c *pb.Chunk) *pb.TrainRequest      { return &pb.TrainRequest{Chunk: c} }
func scoreChunk(c *pb.Chunk) *pb.ScoreRequest      { return &pb.ScoreRequest{Chunk: c} }
func scoredChunk(c *pb.Chunk) *pb.ScoreResponse    { return &pb.ScoreResponse{Chunk: c} }
func extendChunk(c *pb.Chunk) *pb.ExtendRequest    { return &pb.ExtendRequest{Chunk: c} }
func extendedChunk(c *pb.Chunk) *pb.ExtendResponse { return &pb.ExtendResponse{Chunk: c} }
func traceChunk(c *pb.Chunk) *pb.TraceRequest      { return &pb.TraceRequest{Chunk: c} }
func tracedChunk(c *pb.Chunk) *pb.TraceResponse    { return &pb.TraceResponse{Chunk: c} }
