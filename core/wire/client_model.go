package wire

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// model is a family.Model behind a handle.
type model struct {
	*client
	id uint64
}

// send sends a request and its chunks. A server that has already refused the request ends the stream: its reason comes with
// the answer.
func send[M any](stream interface{ Send(M) error }, head M, tensors []*pb.Tensor, wrap func(*pb.Chunk) M) error {
	if err := sendChunked(stream.Send, head, tensors, wrap, chunkBytes); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// receive takes an answer, its chunks and the end of the stream, which carries the call's status.
func receive[M chunked](stream interface{ Recv() (M, error) }, tensors func(M) []*pb.Tensor) (M, error) {
	m, err := recvChunked(stream.Recv, tensors)
	if err != nil {
		return m, badAnswer(err)
	}
	switch _, err := stream.Recv(); {
	case err == nil:
		return m, family.Errorf(family.Internal, "", "the plugin's answer: a message follows the last chunk")
	case !errors.Is(err, io.EOF):
		return m, err
	}
	return m, nil
}

// Train implements family.Model.
func (m *model) Train(ctx context.Context, req family.TrainRequest) (res family.TrainResult, err error) {
	head, err := encodeTrain(m.id, req)
	if err != nil {
		return res, err
	}
	err = m.call(ctx, "train", func(ctx context.Context, opt grpc.CallOption) error {
		stream, err := m.rpc.Train(ctx, opt)
		if err != nil {
			return err
		}
		if err := send(stream, head, trainTensors(head), trainChunk); err != nil {
			return err
		}
		out, err := stream.CloseAndRecv()
		res = decodeTrained(out)
		return err
	})
	return res, err
}

// Score implements family.Model.
func (m *model) Score(ctx context.Context, batch family.Batch) (res family.ScoreResult, err error) {
	b, err := encodeBatch(batch)
	if err != nil {
		return res, err
	}
	head := &pb.ScoreRequest{Model: m.id, Batch: b}
	err = m.call(ctx, "score", func(ctx context.Context, opt grpc.CallOption) error {
		stream, err := m.rpc.Score(ctx, opt)
		if err != nil {
			return err
		}
		if err := send(stream, head, scoreTensors(head), scoreChunk); err != nil {
			return err
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		out, err := receive(stream, scoredTensors)
		if err != nil {
			return err
		}
		res, err = decodeScored(out.GetLogProbs(), out.GetCorrect(), batch.B, batch.T)
		return err
	})
	return res, err
}

// Open implements family.Model.
func (m *model) Open(ctx context.Context, n int) (ids []family.StateID, err error) {
	err = m.call(ctx, "open", func(ctx context.Context, opt grpc.CallOption) error {
		out, err := m.rpc.Open(ctx, &pb.OpenRequest{Model: m.id, N: int64(n)}, opt)
		ids = decodeStates(out.GetStates())
		return err
	})
	return ids, err
}

// Extend implements family.Model.
func (m *model) Extend(ctx context.Context, req family.ExtendRequest) (res family.ExtendResult, err error) {
	head := encodeExtend(m.id, req)
	err = m.call(ctx, "extend", func(ctx context.Context, opt grpc.CallOption) error {
		stream, err := m.rpc.Extend(ctx, opt)
		if err != nil {
			return err
		}
		if err := send(stream, head, extendTensors(head), extendChunk); err != nil {
			return err
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		out, err := receive(stream, extendedTensors)
		if err != nil {
			return err
		}
		res, err = decodeExtended(out)
		return err
	})
	return res, err
}

// Fork implements family.Model.
func (m *model) Fork(ctx context.Context, states []family.StateID) (ids []family.StateID, err error) {
	err = m.call(ctx, "fork", func(ctx context.Context, opt grpc.CallOption) error {
		out, err := m.rpc.Fork(ctx, &pb.ForkRequest{Model: m.id, States: encodeStates(states)}, opt)
		ids = decodeStates(out.GetStates())
		return err
	})
	return ids, err
}

// Rewind implements family.Model.
func (m *model) Rewind(ctx context.Context, state family.StateID, n int) error {
	return m.call(ctx, "rewind", func(ctx context.Context, opt grpc.CallOption) error {
		_, err := m.rpc.Rewind(ctx, &pb.RewindRequest{Model: m.id, State: uint64(state), N: int64(n)}, opt)
		return err
	})
}

// Close implements family.Model.
func (m *model) Close(ctx context.Context, states []family.StateID) error {
	return m.call(ctx, "close", func(ctx context.Context, opt grpc.CallOption) error {
		_, err := m.rpc.Close(ctx, &pb.CloseRequest{Model: m.id, States: encodeStates(states)}, opt)
		return err
	})
}

// Trace implements family.Model.
func (m *model) Trace(ctx context.Context, req family.TraceRequest) (res family.TraceResult, err error) {
	head, err := encodeTrace(m.id, req)
	if err != nil {
		return res, err
	}
	err = m.call(ctx, "trace", func(ctx context.Context, opt grpc.CallOption) error {
		stream, err := m.rpc.Trace(ctx, opt)
		if err != nil {
			return err
		}
		if err := send(stream, head, traceTensors(head), traceChunk); err != nil {
			return err
		}
		if err := stream.CloseSend(); err != nil {
			return err
		}
		out, err := receive(stream, tracedTensors)
		if err != nil {
			return err
		}
		res, err = decodeTraced(out, req.Batch.B, req.Batch.T)
		return err
	})
	return res, err
}

// Quantize implements family.Model.
func (m *model) Quantize(ctx context.Context, scheme string) (card family.Card, err error) {
	err = m.call(ctx, "quantize", func(ctx context.Context, opt grpc.CallOption) error {
		out, err := m.rpc.Quantize(ctx, &pb.QuantizeRequest{Model: m.id, Scheme: scheme}, opt)
		card = decodeCard(out.GetCard())
		return err
	})
	return card, err
}

// Save implements family.Model. When w fails, its error is the answer and the plugin's work is cancelled.
func (m *model) Save(ctx context.Context, part family.Part, w io.Writer) error {
	var failed error
	err := m.call(ctx, "save", func(ctx context.Context, opt grpc.CallOption) error {
		stream, err := m.rpc.Save(ctx, &pb.SaveRequest{Model: m.id, Part: string(part)}, opt)
		if err != nil {
			return err
		}
		for {
			out, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if _, failed = w.Write(out.GetData()); failed != nil {
				return failed
			}
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// Load implements family.Model. When r fails, its error is the answer: the plugin sees a cancelled call and never an early
// end of the file.
func (m *model) Load(ctx context.Context, part family.Part, r io.Reader) error {
	var failed error
	err := m.call(ctx, "load", func(ctx context.Context, opt grpc.CallOption) error {
		stream, err := m.rpc.Load(ctx, opt)
		if err != nil {
			return err
		}
		buf := make([]byte, 1<<20)
		msg := &pb.LoadRequest{Model: m.id, Part: string(part)}
		for {
			n, rerr := io.ReadFull(r, buf)
			end := errors.Is(rerr, io.EOF) || errors.Is(rerr, io.ErrUnexpectedEOF)
			if rerr != nil && !end {
				failed = rerr
				return failed
			}
			msg.Data = buf[:n]
			if err := stream.Send(msg); err != nil && !errors.Is(err, io.EOF) {
				return err
			} else if err != nil || end {
				break
			}
			msg = &pb.LoadRequest{}
			buf = buf[:min(cap(buf), chunkBytes)]
			if len(buf) < chunkBytes {
				buf = make([]byte, chunkBytes)
			}
		}
		_, err = stream.CloseAndRecv()
		return err
	})
	if failed != nil {
		return failed
	}
	return err
}

// Profile implements family.Model.
func (m *model) Profile(ctx context.Context, reset bool) (p family.Profile, err error) {
	err = m.call(ctx, "profile", func(ctx context.Context, opt grpc.CallOption) error {
		out, err := m.rpc.Profile(ctx, &pb.ProfileRequest{Model: m.id, Reset_: reset}, opt)
		p = decodeProfile(out)
		return err
	})
	return p, err
}

// Release implements family.Model.
func (m *model) Release(ctx context.Context) error {
	return m.call(ctx, "release", func(ctx context.Context, opt grpc.CallOption) error {
		_, err := m.rpc.Release(ctx, &pb.ReleaseRequest{Model: m.id}, opt)
		return err
	})
}
