package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/archlab/archlab/core/family"
)

// pickyFamily builds one model that refuses, waits or panics.
type pickyFamily struct{ m *pickyModel }

func (pickyFamily) Describe(context.Context) (family.Description, error) {
	var none *family.Description
	return *none, nil
}

func (f pickyFamily) Build(context.Context, family.BuildRequest) (family.Model, family.Card, error) {
	return f.m, family.Card{}, nil
}

type pickyModel struct {
	family.Model
	entered chan struct{}
	left    chan error

	deadline bool // the last Train had one; read it after left
}

func (*pickyModel) Load(_ context.Context, _ family.Part, r io.Reader) error {
	if _, err := io.ReadFull(r, make([]byte, 8)); err != nil {
		return err
	}
	return family.Errorf(family.Corrupt, "weights", "bad magic")
}

// Train waits for the end of its context.
func (p *pickyModel) Train(ctx context.Context, _ family.TrainRequest) (family.TrainResult, error) {
	_, p.deadline = ctx.Deadline()
	p.entered <- struct{}{}
	<-ctx.Done()
	p.left <- ctx.Err()
	return family.TrainResult{}, ctx.Err()
}

func (*pickyModel) Score(context.Context, family.Batch) (family.ScoreResult, error) {
	panic("score: the shapes are at odds")
}

func (*pickyModel) Release(context.Context) error { return nil }

func buildPicky(t *testing.T) (family.Family, *pickyModel, family.Model) {
	t.Helper()
	p := &pickyModel{entered: make(chan struct{}, 1), left: make(chan error, 1)}
	fam, stop := InProcess(pickyFamily{p})
	t.Cleanup(stop)
	m, _, err := fam.Build(context.Background(), family.BuildRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return fam, p, m
}

func TestCancellation(t *testing.T) {
	for _, c := range []struct {
		name string
		make func() (context.Context, context.CancelFunc)
		want error
	}{
		{"cancelled", func() (context.Context, context.CancelFunc) { return context.WithCancel(context.Background()) }, context.Canceled},
		{"deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 100*time.Millisecond)
		}, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, p, m := buildPicky(t)
			ctx, cancel := c.make()
			defer cancel()
			go func() {
				<-p.entered
				if c.want == context.Canceled {
					cancel()
				}
			}()
			_, err := m.Train(ctx, family.TrainRequest{})
			if !errors.Is(err, c.want) || family.CodeOf(err) != family.Canceled || Transport(err) {
				t.Errorf("%v", err)
			}
			if err := <-p.left; err == nil { // hangs when cancellation does not arrive
				t.Error("the family's context did not end")
			}
			if p.deadline != (c.want == context.DeadlineExceeded) {
				t.Errorf("the family's context has a deadline: %v", p.deadline)
			}
		})
	}
	_, _, m := buildPicky(t)
	ctx, cancel := context.WithCancelCause(context.Background())
	mine := errors.New("mine")
	cancel(mine)
	if _, err := m.Train(ctx, family.TrainRequest{}); !errors.Is(err, mine) || !errors.Is(err, context.Canceled) || family.CodeOf(err) != family.Canceled {
		t.Errorf("a cause: %v", err)
	}
}

func TestPanic(t *testing.T) {
	fam, _, m := buildPicky(t)
	_, err := m.Score(context.Background(), testBatch(t, 1, 1))
	if family.CodeOf(err) != family.Internal || !strings.Contains(err.Error(), "panic in score: score: the shapes are at odds (conduct_test.go:") {
		t.Errorf("%v", err)
	}
	_, err = fam.Describe(context.Background())
	if family.CodeOf(err) != family.Internal || !strings.Contains(err.Error(), "panic in describe: runtime error: invalid memory address") || !strings.Contains(err.Error(), "(conduct_test.go:") {
		t.Errorf("%v", err)
	}
}

// TestAbandonedBuild: a model whose caller went away while it was built is released.
func TestAbandonedBuild(t *testing.T) {
	r := &recorder{late: true}
	fam, stop := InProcess(r)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := fam.Build(ctx, family.BuildRequest{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	for range 500 {
		r.mu.Lock()
		n := r.released
		r.mu.Unlock()
		if n == 1 {
			stop()
			if r.released != 1 {
				t.Error("released twice")
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the model was not released")
}

func TestStopReleases(t *testing.T) {
	r := &recorder{}
	fam, stop := InProcess(r)
	for range 3 {
		if _, _, err := fam.Build(context.Background(), family.BuildRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if r.released != 3 {
		t.Errorf("released %d of 3", r.released)
	}
	if _, err := fam.Describe(context.Background()); err == nil {
		t.Error("a stopped family answers")
	}
}

func TestNoModel(t *testing.T) {
	fam, stop := InProcess(&recorder{nil_: true})
	defer stop()
	if _, _, err := fam.Build(context.Background(), family.BuildRequest{}); family.CodeOf(err) != family.Internal {
		t.Errorf("%v", err)
	}
}

// TestWrongAnswers: a family that contradicts itself is an internal error, not a crash of the host.
func TestWrongAnswers(t *testing.T) {
	ctx := context.Background()
	b := testBatch(t, 2, 3)
	for name, score := range map[string]family.ScoreResult{"too few": testScore(1, 3), "none": {}, "no flags": {LogProbs: make([]float32, 6)}} {
		m := serveRecorder(t, &recorder{answer: map[string]any{"score": score, "trace": family.TraceResult{Score: score}}})
		if _, err := m.Score(ctx, b); family.CodeOf(err) != family.Internal {
			t.Errorf("score, %s: %v", name, err)
		}
		if _, err := m.Trace(ctx, family.TraceRequest{Batch: b}); family.CodeOf(err) != family.Internal {
			t.Errorf("trace, %s: %v", name, err)
		}
	}
	for name, res := range map[string]family.ExtendResult{
		"logits": {Rows: 2, Width: 2, Logits: make([]float32, 3)},
		"ids":    {Rows: 1, Width: 2, Logits: make([]float32, 2), IDs: make([]int32, 1)},
		"draft":  {Rows: 1, Width: 2, Logits: make([]float32, 2), Draft: make([]float32, 3)},
	} {
		m := serveRecorder(t, &recorder{answer: map[string]any{"extend": res}})
		if _, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{}}, Draft: 2}); family.CodeOf(err) != family.Internal {
			t.Errorf("extend, %s: %v", name, err)
		}
	}
	m := serveRecorder(t, &recorder{answer: map[string]any{"trace": family.TraceResult{Score: testScore(2, 3), Captured: []family.Tensor{{DType: "F32", Shape: []int{2}, Data: []byte{1}}}}}})
	if _, err := m.Trace(ctx, family.TraceRequest{Batch: b}); family.CodeOf(err) != family.Internal {
		t.Errorf("trace: %v", err)
	}
}

// TestBadBatch: lengths that contradict each other are refused with the field's name before anything is sent.
func TestBadBatch(t *testing.T) {
	m := serveRecorder(t, &recorder{})
	good := testBatch(t, 2, 3)
	for _, c := range []struct {
		field string
		spoil func(*family.Batch)
	}{
		{"batch", func(b *family.Batch) { b.B = 0 }},
		{"batch", func(b *family.Batch) { b.T = -3 }},
		{"batch.tokens", func(b *family.Batch) { b.Tokens = b.Tokens[1:] }},
		{"batch.targets", func(b *family.Batch) { b.Targets = nil }},
		{"batch.weights", func(b *family.Batch) { b.Weights = append(b.Weights, 1) }},
	} {
		b := good
		c.spoil(&b)
		_, scored := m.Score(context.Background(), b)
		_, trained := m.Train(context.Background(), family.TrainRequest{MicroBatches: []family.Batch{b}})
		_, traced := m.Trace(context.Background(), family.TraceRequest{Batch: b})
		for call, err := range map[string]error{"score": scored, "train": trained, "trace": traced} {
			var fe *family.Error
			if !errors.As(err, &fe) || fe.Code != family.InvalidArgument || fe.Field != c.field {
				t.Errorf("%s %s: %v", call, c.field, err)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	typed := &family.Error{Code: family.InvalidConfig, Field: "heads", Message: "got 3, want a divisor of 8"}
	for _, c := range []struct {
		name string
		err  error
		want family.Error
		text string
	}{
		{"typed", typed, *typed, "heads: got 3, want a divisor of 8"},
		{"wrapped", errors.Join(typed), *typed, "heads: got 3, want a divisor of 8"},
		{"plain", errors.New("out of luck"), family.Error{Code: family.Internal, Message: "out of luck"}, "out of luck"},
		{"cancelled", context.Canceled, family.Error{Code: family.Canceled, Message: "context canceled"}, "context canceled"},
		{"not text", family.Errorf(family.Corrupt, "a\xff", "b\xff"), family.Error{Code: family.Corrupt, Field: "a\uFFFD", Message: "b\uFFFD"}, "a\uFFFD: b\uFFFD"},
		{"unknown code", family.Errorf("new", "f", "m"), family.Error{Code: "new", Field: "f", Message: "m"}, "f: m"},
		{"empty", family.Errorf(family.NotFound, "", ""), family.Error{Code: family.NotFound}, ""},
		{"unavailable", family.Errorf(family.Unavailable, "", "busy"), family.Error{Code: family.Unavailable, Message: "busy"}, "busy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fam, stop := InProcess(&recorder{fail: c.err})
			defer stop()
			_, err := fam.Describe(context.Background())
			var fe *family.Error
			if !errors.As(err, &fe) || *fe != c.want || err.Error() != c.text || Transport(err) {
				t.Errorf("got %#v %q, want %#v %q", fe, err, c.want, c.text)
			}
		})
	}
	for code, want := range grpcCodes {
		st, ok := status.FromError(toStatus(family.Errorf(code, "f", "m")))
		if !ok || st.Code() != want {
			t.Errorf("%s travels as %v, want %v", code, st.Code(), want)
		}
	}
}

// TestBareStatus: plugins that know only gRPC's codes get the nearest of the contract's.
func TestBareStatus(t *testing.T) {
	for c := range codes.Code(17) {
		err := fromStatus(context.Background(), status.Error(c, "x"))
		if c == codes.OK {
			if err != nil {
				t.Errorf("%v", err)
			}
			continue
		}
		var fe *family.Error
		if !errors.As(err, &fe) || fe.Message != "x" {
			t.Errorf("%v: %v", c, err)
		}
		if back, ok := grpcCodes[fe.Code]; !ok {
			t.Errorf("%v becomes %q, which is no code", c, fe.Code)
		} else if _, mapped := map[codes.Code]bool{codes.InvalidArgument: true, codes.NotFound: true, codes.Unimplemented: true, codes.DataLoss: true,
			codes.ResourceExhausted: true, codes.Canceled: true, codes.Unavailable: true, codes.Internal: true}[c]; mapped && back != c {
			t.Errorf("%v becomes %q, which travels as %v", c, fe.Code, back)
		}
		if Transport(err) != (c == codes.Unavailable) {
			t.Errorf("%v: transport %v", c, Transport(err))
		}
	}
}

// TestBusy: the plugin's own time of a call reaches the one who measures it.
func TestBusy(t *testing.T) {
	seen := map[string]time.Duration{}
	var mu sync.Mutex
	fam, stop := inProcess(slowFamily{}, func(ctx context.Context, call *Call, do func(context.Context) error) error {
		err := do(ctx)
		mu.Lock()
		defer mu.Unlock()
		seen[call.Name] = call.Busy
		return err
	})
	defer stop()
	ctx := context.Background()
	m, _, err := fam.Build(ctx, family.BuildRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Score(ctx, testBatch(t, 1, 1)); err == nil {
		t.Error("no error")
	}
	if _, err := m.Train(ctx, family.TrainRequest{}); err != nil {
		t.Error(err)
	}
	if err := m.Save(ctx, family.Weights, &bytes.Buffer{}); err != nil {
		t.Error(err)
	}
	for _, call := range []string{"build", "score", "train", "save"} {
		if seen[call] < slowness {
			t.Errorf("%s: %v of at least %v", call, seen[call], slowness)
		}
	}
}

const slowness = 5 * time.Millisecond

type slowFamily struct{ pickyFamily }

func (slowFamily) Build(context.Context, family.BuildRequest) (family.Model, family.Card, error) {
	time.Sleep(slowness)
	return &slowModel{}, family.Card{}, nil
}

type slowModel struct{ pickyModel }

func (*slowModel) Train(context.Context, family.TrainRequest) (family.TrainResult, error) {
	time.Sleep(slowness)
	return family.TrainResult{}, nil
}

func (*slowModel) Score(context.Context, family.Batch) (family.ScoreResult, error) {
	time.Sleep(slowness)
	return family.ScoreResult{}, family.Errorf(family.Internal, "", "no")
}

func (*slowModel) Save(context.Context, family.Part, io.Writer) error {
	time.Sleep(slowness)
	return nil
}
