package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// TestRoundTrip sends every call with every field set and compares what arrives on either side.
func TestRoundTrip(t *testing.T) {
	ctx := context.Background()
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
		}
	}
	try := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	train := family.TrainRequest{MicroBatches: []family.Batch{testBatch(t, 2, 3), testBatch(t, 1, 5)}, Optimizer: filled[family.OptimizerStep](t)}
	train.MicroBatches[1].Starts = nil
	extend := family.ExtendRequest{
		Items: []family.ExtendItem{{State: 7, Tokens: []int32{1, 2}}, {State: 1 << 60, Tokens: []int32{}}, {State: 9, Tokens: []int32{-3}}},
		All:   true, TopK: 2, Draft: 2,
	}
	tensor := family.Tensor{DType: "F32", Shape: []int{2, 1}, Data: []byte("12345678")}
	trace := family.TraceRequest{Batch: testBatch(t, 1, 2), Capture: []string{"a", "b"}, Edits: []family.Edit{filled[family.Edit](t), {Site: "x", Kind: "ablate"}}}
	trace.Edits[0].Data = tensor

	r := &recorder{answer: map[string]any{
		"describe": filled[family.Description](t),
		"build":    filled[family.Card](t),
		"train":    filled[family.TrainResult](t),
		"score":    testScore(2, 3),
		"open":     []family.StateID{5, 6},
		"extend":   family.ExtendResult{Rows: 3, Width: 2, Logits: []float32{1, 2, 3, 4, 5, 6}, IDs: []int32{9, 8, 7, 6, 5, 4}, Draft: make([]float32, 3*2*5)},
		"fork":     []family.StateID{8},
		"trace":    family.TraceResult{Captured: []family.Tensor{tensor, {DType: "I32", Shape: []int{0, 4}}}, Score: testScore(1, 2)},
		"quantize": filled[family.Card](t),
		"save":     [][]byte{{1}, {2, 3}},
		"profile":  filled[family.Profile](t),
	}}
	fam, stop := InProcess(r)
	defer stop()

	d, err := fam.Describe(ctx)
	try("describe", err)
	same("describe", d, r.answer["describe"])

	build := filled[family.BuildRequest](t)
	none, card, err := fam.Build(ctx, build)
	try("card", err)
	if none != nil {
		t.Error("a card only comes with a model")
	}
	same("card", card, r.answer["build"])
	same("card request", r.asked["build"], build)
	build.CardOnly = false
	m, card, err := fam.Build(ctx, build)
	try("build", err)
	same("build", card, r.answer["build"])
	same("build request", r.asked["build"], build)

	trained, err := m.Train(ctx, train)
	try("train", err)
	same("train", trained, r.answer["train"])
	same("train request", r.asked["train"], train)

	score, err := m.Score(ctx, train.MicroBatches[0])
	try("score", err)
	same("score", score, r.answer["score"])
	same("score request", r.asked["score"], train.MicroBatches[0])

	ids, err := m.Open(ctx, 2)
	try("open", err)
	same("open", ids, r.answer["open"])
	same("open request", r.asked["open"], 2)

	extended, err := m.Extend(ctx, extend)
	try("extend", err)
	same("extend", extended, r.answer["extend"])
	same("extend request", r.asked["extend"], extend)

	ids, err = m.Fork(ctx, []family.StateID{3, 4})
	try("fork", err)
	same("fork", ids, r.answer["fork"])
	same("fork request", r.asked["fork"], []family.StateID{3, 4})

	try("rewind", m.Rewind(ctx, 3, 11))
	same("rewind request", r.asked["rewind"], []any{family.StateID(3), 11})
	try("close", m.Close(ctx, []family.StateID{3, 4}))
	same("close request", r.asked["close"], []family.StateID{3, 4})

	traced, err := m.Trace(ctx, trace)
	try("trace", err)
	same("trace", traced, r.answer["trace"])
	same("trace request", r.asked["trace"], trace)

	card, err = m.Quantize(ctx, "int8")
	try("quantize", err)
	same("quantize", card, r.answer["quantize"])
	same("quantize request", r.asked["quantize"], "int8")

	var file bytes.Buffer
	try("save", m.Save(ctx, family.Optimizer, &file))
	same("save", file.Bytes(), []byte{1, 2, 3})
	same("save request", r.asked["save"], family.Optimizer)
	try("load", m.Load(ctx, family.Weights, &file))
	same("load request", r.asked["load"], []any{family.Weights, []byte{1, 2, 3}, error(nil)})
	try("load nothing", m.Load(ctx, family.Weights, &file))
	same("load nothing", r.asked["load"], []any{family.Weights, []byte{}, error(nil)})

	p, err := m.Profile(ctx, true)
	try("profile", err)
	same("profile", p, r.answer["profile"])
	same("profile request", r.asked["profile"], true)

	try("release", m.Release(ctx))
	if r.released != 1 {
		t.Errorf("released %d times", r.released)
	}
	if err := m.Release(ctx); family.CodeOf(err) != family.NotFound {
		t.Errorf("a second release: %v", err)
	}
	if _, err := m.Train(ctx, train); family.CodeOf(err) != family.NotFound {
		t.Errorf("train after release: %v", err)
	}
}

// TestAbsent: what is nil on one side is nil on the other.
func TestAbsent(t *testing.T) {
	ctx := context.Background()
	r := &recorder{answer: map[string]any{"extend": family.ExtendResult{}}}
	fam, stop := InProcess(r)
	defer stop()
	d, err := fam.Describe(ctx)
	if err != nil || !reflect.DeepEqual(d, family.Description{}) {
		t.Errorf("%+v, %v", d, err)
	}
	m, card, err := fam.Build(ctx, family.BuildRequest{})
	if err != nil || !reflect.DeepEqual(card, family.Card{}) || !reflect.DeepEqual(r.asked["build"], family.BuildRequest{}) {
		t.Errorf("%+v, %v, %+v", card, err, r.asked["build"])
	}
	res, err := m.Extend(ctx, family.ExtendRequest{})
	if err != nil || !reflect.DeepEqual(res, family.ExtendResult{}) {
		t.Errorf("%+v, %v", res, err)
	}
	trained, err := m.Train(ctx, family.TrainRequest{})
	if err != nil || !reflect.DeepEqual(trained, family.TrainResult{}) || !reflect.DeepEqual(r.asked["train"], family.TrainRequest{}) {
		t.Errorf("%+v, %v, %+v", trained, err, r.asked["train"])
	}
}

// TestLarge moves requests and answers of many messages, whole and in order.
func TestLarge(t *testing.T) {
	ctx := context.Background()
	const b, n = 1 << 10, 3 << 10 // 12 MiB a tensor: larger than a message and no multiple of one
	big := testBatch(t, b, n)
	r := &recorder{answer: map[string]any{"score": testScore(b, n), "train": family.TrainResult{Loss: 1}}}
	var pieces [][]byte
	for i := range 19 { // 19 MiB in pieces of all sizes
		pieces = append(pieces, blob[:i*1000], blob[i*1000:])
	}
	pieces = append(pieces, bytes.Repeat(blob, 9))
	r.answer["save"] = pieces
	whole := bytes.Join(pieces, nil)
	m := serveRecorder(t, r)

	same := func(a, b family.Batch) bool {
		return slices.Equal(a.Tokens, b.Tokens) && slices.Equal(a.Targets, b.Targets) && slices.Equal(a.Weights, b.Weights) && slices.Equal(a.Starts, b.Starts)
	}
	res, err := m.Score(ctx, big)
	want := r.answer["score"].(family.ScoreResult)
	if err != nil || !slices.Equal(res.LogProbs, want.LogProbs) || !slices.Equal(res.Correct, want.Correct) || !same(r.asked["score"].(family.Batch), big) {
		t.Errorf("score: %v, or its data", err)
	}
	req := family.TrainRequest{MicroBatches: []family.Batch{testBatch(t, 1, 1), big, testBatch(t, 3, 5)}}
	if res, err := m.Train(ctx, req); err != nil || res.Loss != 1 || !slices.EqualFunc(r.asked["train"].(family.TrainRequest).MicroBatches, req.MicroBatches, same) {
		t.Errorf("train: %v, or its data", err)
	}
	var file bytes.Buffer
	if err := m.Save(ctx, family.Weights, &file); err != nil || !bytes.Equal(file.Bytes(), whole) {
		t.Errorf("save: %v, or its %d bytes", err, file.Len())
	}
	if err := m.Load(ctx, family.Weights, &file); err != nil || !bytes.Equal(r.asked["load"].([]any)[1].([]byte), whole) {
		t.Errorf("load: %v, or its data", err)
	}
}

// TestSharedMemory: wrapping a batch copies no number on a machine of the wire's byte order.
func TestSharedMemory(t *testing.T) {
	if !littleEndian {
		t.Skip("this machine is big-endian: numbers have to be turned")
	}
	b := testBatch(t, 2, 3)
	m, err := encodeBatch(b)
	if err != nil {
		t.Fatal(err)
	}
	b.Tokens[0], b.Weights[5] = 0x01020304, 0
	if !bytes.HasPrefix(m.Tokens.Data, []byte{4, 3, 2, 1}) || !bytes.HasSuffix(m.Weights.Data, []byte{0, 0, 0, 0}) {
		t.Error("a copy was made")
	}
	got, err := decodeBatch(m)
	if err != nil {
		t.Fatal(err)
	}
	m.Tokens.Data[0] = 9
	if got.Tokens[0] != 0x01020309 {
		t.Error("a copy was made on the way back")
	}
}

// failing is a writer or reader that fails after n bytes.
type failing struct {
	n   int
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, f.err
	}
	return len(p), nil
}

func (f *failing) Read(p []byte) (int, error) {
	if f.n <= 0 {
		return 0, f.err
	}
	n := min(f.n, len(p))
	f.n -= n
	return n, nil
}

// TestFileErrors: the caller's own reader and writer answer for themselves, and a reader that fails is not a short file.
func TestFileErrors(t *testing.T) {
	ctx := context.Background()
	full := errors.New("disk full")
	for _, n := range []int{0, 1, 9 << 20, 17 << 20} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			r := &recorder{answer: map[string]any{"save": [][]byte{bytes.Repeat(blob, 20)}}}
			m := serveRecorder(t, r)
			if err := m.Save(ctx, family.Weights, &failing{n, full}); !errors.Is(err, full) {
				t.Errorf("save: %v", err)
			}
			if err := m.Load(ctx, family.Weights, &failing{n, full}); !errors.Is(err, full) {
				t.Errorf("load: %v", err)
			}
			// The plugin's end may still be on its way; what must not happen is that it took the call for complete.
			r.mu.Lock()
			defer r.mu.Unlock()
			if v, ok := r.asked["load"].([]any); ok && v[2] == nil {
				t.Error("the plugin saw a complete file")
			}
		})
	}
	// A family that refuses a file in its first bytes is heard although the rest is still being sent.
	_, _, m := buildPicky(t)
	err := m.Load(ctx, family.Weights, bytes.NewReader(bytes.Repeat(blob, 64)))
	if family.CodeOf(err) != family.Corrupt || !strings.Contains(err.Error(), "bad magic") {
		t.Errorf("%v", err)
	}
}
