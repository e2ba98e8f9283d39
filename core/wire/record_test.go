package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"sync"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// recorder is a family that notes what it is asked and answers what it is told.
type recorder struct {
	mu     sync.Mutex
	asked  map[string]any
	answer map[string]any
	fail   error
	nil_   bool // Build answers no model

	released int
	late     bool // Build answers only once its caller has gone away
}

func (r *recorder) note(call string, req any) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[string]any{}
	}
	r.asked[call] = req
	return r.answer[call], r.fail
}

func answerOf[T any](v any, err error) (T, error) {
	t, _ := v.(T)
	return t, err
}

func (r *recorder) Describe(context.Context) (family.Description, error) {
	return answerOf[family.Description](r.note("describe", nil))
}

func (r *recorder) Build(ctx context.Context, req family.BuildRequest) (family.Model, family.Card, error) {
	if r.late {
		<-ctx.Done()
	}
	card, err := answerOf[family.Card](r.note("build", req))
	if err != nil || req.CardOnly || r.nil_ {
		return nil, card, err
	}
	return &recorded{r}, card, nil
}

type recorded struct{ *recorder }

func (r *recorded) Train(_ context.Context, req family.TrainRequest) (family.TrainResult, error) {
	return answerOf[family.TrainResult](r.note("train", req))
}

func (r *recorded) Score(_ context.Context, b family.Batch) (family.ScoreResult, error) {
	return answerOf[family.ScoreResult](r.note("score", b))
}

func (r *recorded) Open(_ context.Context, n int) ([]family.StateID, error) {
	return answerOf[[]family.StateID](r.note("open", n))
}

func (r *recorded) Extend(_ context.Context, req family.ExtendRequest) (family.ExtendResult, error) {
	return answerOf[family.ExtendResult](r.note("extend", req))
}

func (r *recorded) Fork(_ context.Context, ids []family.StateID) ([]family.StateID, error) {
	return answerOf[[]family.StateID](r.note("fork", ids))
}

func (r *recorded) Rewind(_ context.Context, id family.StateID, n int) error {
	_, err := r.note("rewind", []any{id, n})
	return err
}

func (r *recorded) Close(_ context.Context, ids []family.StateID) error {
	_, err := r.note("close", ids)
	return err
}

func (r *recorded) Trace(_ context.Context, req family.TraceRequest) (family.TraceResult, error) {
	return answerOf[family.TraceResult](r.note("trace", req))
}

func (r *recorded) Quantize(_ context.Context, scheme string) (family.Card, error) {
	return answerOf[family.Card](r.note("quantize", scheme))
}

func (r *recorded) Save(_ context.Context, part family.Part, w io.Writer) error {
	v, err := r.note("save", part)
	if err != nil {
		return err
	}
	for _, piece := range v.([][]byte) {
		if n, err := w.Write(piece); err != nil || n != len(piece) {
			return errors.Join(err, io.ErrShortWrite)
		}
	}
	return nil
}

func (r *recorded) Load(_ context.Context, part family.Part, src io.Reader) error {
	data, rerr := io.ReadAll(src)
	_, err := r.note("load", []any{part, data, rerr})
	return errors.Join(err, rerr)
}

func (r *recorded) Profile(_ context.Context, reset bool) (family.Profile, error) {
	return answerOf[family.Profile](r.note("profile", reset))
}

func (r *recorded) Release(context.Context) error {
	r.mu.Lock()
	r.released++
	r.mu.Unlock()
	_, err := r.note("release", nil)
	return err
}

// filled answers a T in which every field that can be reached holds another value than its zero, so that a field that is
// forgotten on the wire is missed by the comparison.
func filled[T any](t *testing.T) T {
	var v T
	n := 0
	fill(t, reflect.ValueOf(&v).Elem(), &n)
	return v
}

func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes([]byte(`{"n":` + string(rune('0'+*n%10)) + `}`))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(*n))
	case reflect.Uint64, reflect.Uint8:
		v.SetUint(uint64(*n))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*n) + 0.5)
	case reflect.String:
		v.SetString("s" + string(rune('a'+*n%26)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 2 {
			key, val := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(t, key, n)
			fill(t, val, n)
			v.SetMapIndex(key, val)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	default:
		t.Fatalf("no value for a %v", v.Type())
	}
}

// serveRecorder runs a recorder behind the wire and builds a model of it.
func serveRecorder(t *testing.T, r *recorder) family.Model {
	t.Helper()
	fam, stop := InProcess(r)
	t.Cleanup(stop)
	m, _, err := fam.Build(context.Background(), family.BuildRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func testBatch(t *testing.T, b, n int) family.Batch {
	out := filled[family.Batch](t)
	out.B, out.T = b, n
	out.Tokens, out.Targets, out.Weights = make([]int32, b*n), make([]int32, b*n), make([]float32, b*n)
	for i := range b * n {
		out.Tokens[i], out.Targets[i], out.Weights[i] = int32(i), -int32(i), float32(i)/3
	}
	return out
}

func testScore(b, n int) family.ScoreResult {
	out := family.ScoreResult{LogProbs: make([]float32, b*n), Correct: make([]bool, b*n)}
	for i := range b * n {
		out.LogProbs[i], out.Correct[i] = -float32(i), i%3 == 1
	}
	return out
}

var blob = bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
