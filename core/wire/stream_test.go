package wire

import (
	"bytes"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// TestChunks cuts a request at every size and puts it together again.
func TestChunks(t *testing.T) {
	make := func() *pb.TrainRequest {
		m, err := encodeTrain(7, family.TrainRequest{MicroBatches: []family.Batch{testBatch(t, 2, 3), testBatch(t, 1, 4)}})
		if err != nil {
			t.Fatal(err)
		}
		m.MicroBatches[1].Starts = nil
		return m
	}
	want, total := make(), 3*6*4+8+3*4*4
	for limit := 1; limit <= total+1; limit++ {
		var sent []*pb.TrainRequest
		head := make()
		err := sendChunked(func(m *pb.TrainRequest) error {
			n := len(m.GetChunk().GetData())
			for _, x := range trainTensors(m) {
				n += len(x.Data)
			}
			if n > limit {
				t.Errorf("limit %d: a message of %d", limit, n)
			}
			sent = append(sent, proto.Clone(m).(*pb.TrainRequest))
			return nil
		}, head, trainTensors(head), trainChunk, limit)
		if err != nil {
			t.Fatal(err)
		}
		if limit >= total && len(sent) != 1 {
			t.Errorf("limit %d: %d messages for %d bytes", limit, len(sent), total)
		}
		got, err := recvChunked(from(sent), trainTensors)
		if err != nil || !proto.Equal(got, want) {
			t.Fatalf("limit %d, %d messages: %v", limit, len(sent), err)
		}
	}
}

func from[M any](list []M) func() (M, error) {
	return func() (M, error) {
		var none M
		if len(list) == 0 {
			return none, io.EOF
		}
		m := list[0]
		list = list[1:]
		return m, nil
	}
}

func TestBadStreams(t *testing.T) {
	head := func(shape []int64, n int) *pb.ScoreResponse {
		return &pb.ScoreResponse{LogProbs: &pb.Tensor{Dtype: "F32", Shape: shape, Data: make([]byte, n)}}
	}
	chunk := func(i uint32, n int) *pb.ScoreResponse {
		return scoredChunk(&pb.Chunk{Tensor: i, Data: make([]byte, n)})
	}
	for _, c := range []struct {
		name string
		list []*pb.ScoreResponse
		want string
	}{
		{"nothing", nil, "before its first message"},
		{"a chunk first", []*pb.ScoreResponse{chunk(0, 4)}, "first message"},
		{"too short", []*pb.ScoreResponse{head([]int64{2, 2}, 4), chunk(0, 8)}, "byte 12 of 16"},
		{"too long in the head", []*pb.ScoreResponse{head([]int64{2}, 9)}, "holds 9 bytes, want 8"},
		{"too long in a chunk", []*pb.ScoreResponse{head([]int64{2}, 4), chunk(0, 8)}, "holds 12 bytes, want 8"},
		{"wrong tensor", []*pb.ScoreResponse{head([]int64{2}, 4), chunk(1, 4)}, "chunk of tensor 1 where tensor 0"},
		{"no chunk", []*pb.ScoreResponse{head([]int64{2}, 4), head([]int64{2}, 4)}, "without a chunk"},
		{"an empty chunk", []*pb.ScoreResponse{head([]int64{2}, 4), chunk(0, 0)}, "without a chunk"},
		{"unknown dtype", []*pb.ScoreResponse{{LogProbs: &pb.Tensor{Dtype: "Q3"}}}, `"Q3"`},
		{"negative axis", []*pb.ScoreResponse{head([]int64{-1, 4}, 0)}, "[-1 4]"},
		{"overflow", []*pb.ScoreResponse{head([]int64{math.MaxInt32, math.MaxInt32, 8}, 0)}, "impossible shape"},
		{"terabytes that never come", []*pb.ScoreResponse{head([]int64{1 << 40}, 4), chunk(0, 4)}, "ended at byte 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := recvChunked(from(c.list), scoredTensors)
			if err == nil || !strings.Contains(err.Error(), c.want) || family.CodeOf(err) != family.InvalidArgument {
				t.Errorf("%v", err)
			}
		})
	}
	broken := errors.New("broken")
	for n := range 2 {
		recv := from([]*pb.ScoreResponse{head([]int64{2}, 4)}[:n])
		_, err := recvChunked(func() (*pb.ScoreResponse, error) {
			m, err := recv()
			if err != nil {
				err = broken
			}
			return m, err
		}, scoredTensors)
		if !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	}
}

// TestWords covers both byte orders and data that is not aligned.
func TestWords(t *testing.T) {
	floats := []float32{0, 1, -1, float32(math.Inf(1)), math.SmallestNonzeroFloat32, math.MaxFloat32, math.Float32frombits(0x7fc00123)}
	for _, n := range []int{0, 1, 2, len(floats)} {
		for _, native := range []bool{littleEndian, false} {
			raw := words(floats[:n], native)
			if len(raw) != 4*n {
				t.Fatalf("%d bytes for %d numbers", len(raw), n)
			}
			for i := range n {
				if b := math.Float32bits(floats[i]); raw[4*i] != byte(b) || raw[4*i+3] != byte(b>>24) {
					t.Errorf("%x is sent as %x", b, raw[4*i:4*i+4])
				}
			}
			shifted := append(make([]byte, 1, len(raw)+1), raw...)[1:]
			for _, data := range [][]byte{raw, shifted} {
				back := fromWords[float32](data, native)
				if !bytes.Equal(words(back, littleEndian), words(floats[:n], littleEndian)) {
					t.Errorf("native %v: %v becomes %v", native, floats[:n], back)
				}
			}
		}
	}
	ints := []int32{0, 1, -1, math.MaxInt32, math.MinInt32}
	if got := fromWords[int32](words(ints, false), false); !reflect.DeepEqual(got, ints) {
		t.Errorf("%v", got)
	}
}

func TestTensorChecks(t *testing.T) {
	ok := &pb.Tensor{Dtype: "I32", Shape: []int64{1, 2}, Data: make([]byte, 8)}
	for _, c := range []struct {
		name, dtype string
		rank        int
		t           *pb.Tensor
		want        string
	}{
		{"good", "I32", 2, ok, ""},
		{"any", "", -1, ok, ""},
		{"missing", "I32", 2, nil, "missing"},
		{"dtype", "F32", 2, ok, `"I32", want "F32"`},
		{"rank", "I32", 1, ok, "want 1 axes"},
		{"bytes", "I32", 1, &pb.Tensor{Dtype: "I32", Shape: []int64{3}, Data: make([]byte, 8)}, "8 bytes, want 12"},
		{"scalar", "F64", 0, &pb.Tensor{Dtype: "F64", Data: make([]byte, 8)}, ""},
		{"empty axis", "F32", 2, &pb.Tensor{Dtype: "F32", Shape: []int64{0, 5}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := check(c.t, "field", c.dtype, c.rank)
			if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	i32 := func(shape ...int64) *pb.Tensor {
		x := &pb.Tensor{Dtype: "I32", Shape: shape}
		n, _ := size(x)
		x.Data = make([]byte, n)
		return x
	}
	f32 := func(shape ...int64) *pb.Tensor { x := i32(shape...); x.Dtype = "F32"; return x }
	b := func(m *pb.Batch) error { _, err := decodeBatch(m); return err }
	e := func(m *pb.ExtendRequest) error { _, err := decodeExtend(m); return err }
	for _, c := range []struct {
		name  string
		err   error
		field string
	}{
		{"no batch", b(nil), "batch.tokens"},
		{"no targets", b(&pb.Batch{Tokens: i32(1, 2)}), "batch.targets"},
		{"no weights", b(&pb.Batch{Tokens: i32(1, 2), Targets: i32(1, 2)}), "batch.weights"},
		{"float tokens", b(&pb.Batch{Tokens: f32(1, 2)}), "batch.tokens"},
		{"flat tokens", b(&pb.Batch{Tokens: i32(2)}), "batch.tokens"},
		{"other targets", b(&pb.Batch{Tokens: i32(1, 2), Targets: i32(2, 1), Weights: f32(1, 2)}), "batch.targets"},
		{"other weights", b(&pb.Batch{Tokens: i32(1, 2), Targets: i32(1, 2), Weights: f32(2, 2)}), "batch.weights"},
		{"starts", b(&pb.Batch{Tokens: i32(1, 2), Targets: i32(1, 2), Weights: f32(1, 2), Starts: i32(1, 1)}), "batch.starts"},
		{"no tokens", e(&pb.ExtendRequest{}), "tokens"},
		{"lengths", e(&pb.ExtendRequest{States: []uint64{1}, Tokens: i32(1)}), "lengths"},
		{"negative", e(&pb.ExtendRequest{States: []uint64{1}, Lengths: []int64{-1}, Tokens: i32(1)}), "lengths[0]"},
		{"too many", e(&pb.ExtendRequest{States: []uint64{1, 2}, Lengths: []int64{1, 1}, Tokens: i32(1)}), "lengths[1]"},
		{"left over", e(&pb.ExtendRequest{States: []uint64{1}, Lengths: []int64{1}, Tokens: i32(2)}), "tokens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var fe *family.Error
			if !errors.As(c.err, &fe) || fe.Code != family.InvalidArgument || fe.Field != c.field {
				t.Errorf("%v", c.err)
			}
		})
	}
}

// FuzzRequests decodes what an arbitrary peer may send: errors are fine, panics are not, and what is accepted is coherent.
func FuzzRequests(f *testing.F) {
	seed := func(m proto.Message) {
		raw, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	seed(&pb.TrainRequest{MicroBatches: []*pb.Batch{{Tokens: &pb.Tensor{Dtype: "I32", Shape: []int64{1, 1}, Data: make([]byte, 4)}}}})
	seed(&pb.ExtendRequest{States: []uint64{1}, Lengths: []int64{1}, Tokens: &pb.Tensor{Dtype: "I32", Shape: []int64{1}, Data: make([]byte, 4)}})
	seed(&pb.ExtendResponse{Logits: &pb.Tensor{Dtype: "F32", Shape: []int64{1, 1}, Data: make([]byte, 4)}})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var train pb.TrainRequest
		if proto.Unmarshal(raw, &train) == nil {
			if m, err := recvChunked(from([]*pb.TrainRequest{&train}), trainTensors); err == nil {
				if r, err := decodeTrain(m); err == nil {
					for _, b := range r.MicroBatches {
						if n := b.B * b.T; len(b.Tokens) != n || len(b.Targets) != n || len(b.Weights) != n {
							t.Errorf("accepted %d tokens, %d targets, %d weights for %dx%d", len(b.Tokens), len(b.Targets), len(b.Weights), b.B, b.T)
						}
					}
				}
			}
		}
		var trace pb.TraceRequest
		if proto.Unmarshal(raw, &trace) == nil {
			if m, err := recvChunked(from([]*pb.TraceRequest{&trace}), traceTensors); err == nil {
				_, _ = decodeTrace(m)
			}
		}
		var extend pb.ExtendRequest
		if proto.Unmarshal(raw, &extend) == nil {
			if m, err := recvChunked(from([]*pb.ExtendRequest{&extend}), extendTensors); err == nil {
				_, _ = decodeExtend(m)
			}
		}
		var extended pb.ExtendResponse
		if proto.Unmarshal(raw, &extended) == nil {
			if m, err := recvChunked(from([]*pb.ExtendResponse{&extended}), extendedTensors); err == nil {
				if r, err := decodeExtended(m); err == nil && len(r.Logits) != r.Rows*r.Width {
					t.Errorf("accepted %d logits for %dx%d", len(r.Logits), r.Rows, r.Width)
				}
			}
		}
		var traced pb.TraceResponse
		if proto.Unmarshal(raw, &traced) == nil {
			if m, err := recvChunked(from([]*pb.TraceResponse{&traced}), tracedTensors); err == nil {
				_, _ = decodeTraced(m, 1, 1)
			}
		}
	})
}
