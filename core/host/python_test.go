//go:build unix

package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
)

// python answers a Python that has gRPC, or skips the test and says what is missing.
func python(t *testing.T) string {
	t.Helper()
	var missing []string
	for _, name := range []string{os.Getenv("ARCHLAB_TEST_PYTHON"), "python3", "/usr/bin/python3"} {
		if name == "" {
			continue
		}
		out, err := exec.Command(name, "-c", "import grpc, google.protobuf").CombinedOutput()
		if err == nil {
			return name
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		missing = append(missing, fmt.Sprintf("%s: %v %s", name, err, lines[len(lines)-1]))
	}
	t.Skipf("no Python with grpcio and protobuf (%s)", strings.Join(missing, "; "))
	return ""
}

// TestPython drives the example of docs/protocol.md: a plugin in another language, which shares no code with this module.
func TestPython(t *testing.T) {
	for _, tool := range []string{"protoc", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is needed: %v", tool, err)
		}
	}
	py := python(t)
	dir := t.TempDir()
	if out, err := exec.Command("protoc", "--proto_path=../wire/archlabv1", "--python_out="+dir, "archlab.proto").CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v\n%s", err, out)
	}
	example, err := filepath.Abs("../../docs/examples/python/archlab-plugin-window")
	if err != nil {
		t.Fatal(err)
	}
	path := script(t, filepath.Join(dir, prefix+"window"), fmt.Sprintf("#!/bin/sh\nPYTHONPATH='%s' exec '%s' '%s'\n", dir, py, example), 0o755)
	h := New(Options{StartTimeout: time.Minute, CallTimeout: time.Minute})
	defer h.Close()
	p, err := h.Launch(context.Background(), path)
	if err != nil {
		if strings.Contains(err.Error(), "VersionError") || strings.Contains(err.Error(), "Descriptors cannot be created directly") {
			t.Skipf("protoc and Python's protobuf are of different versions: %v", err)
		}
		t.Fatal(err)
	}
	t.Run("calls", func(t *testing.T) { pythonCalls(t, p) })
	t.Run("errors", func(t *testing.T) { pythonErrors(t, p) })
	t.Run("large", func(t *testing.T) { pythonLarge(t, p) })
	if p.Stats().Calls["train"].Busy <= 0 {
		t.Error("the plugin does not report its own time")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if p.proc.alive() {
		t.Error("the plugin is alive after Close")
	}

	p, err = h.Launch(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.proc.lifeline.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Error("the plugin outlives its host")
	}
}

func pythonModel(t *testing.T, p *Plugin, vocab int) family.Model {
	t.Helper()
	m, card, err := p.Family().Build(context.Background(), family.BuildRequest{Config: []byte(`{"width":4}`), Vocab: vocab, Context: 8, Seed: 3, Lengths: []int{8}})
	if err != nil {
		t.Fatal(err)
	}
	if card.Parameters != int64(4*vocab*vocab) || len(card.Tensors) != 4 || len(card.Costs) != 1 {
		t.Errorf("card %+v", card)
	}
	return m
}

func pythonCalls(t *testing.T, p *Plugin) {
	ctx := context.Background()
	d, err := p.Family().Describe(ctx)
	if err != nil || d.Name != "window" || !d.Capabilities.Decode {
		t.Fatalf("%+v, %v", d, err)
	}
	m := pythonModel(t, p, 5)
	b := family.Batch{B: 2, T: 3, Tokens: []int32{0, 1, 2, 3, 4, 0}, Targets: []int32{1, 2, 3, 4, 0, 0}, Weights: []float32{1, 1, 1, 1, 1, 0}}
	req := family.TrainRequest{MicroBatches: []family.Batch{b, b}, Optimizer: family.OptimizerStep{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-8, Clip: 100}}
	var losses []float64
	for range 20 {
		res, err := m.Train(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, res.Loss)
	}
	if first := losses[0]; math.Abs(first-10*math.Log(5)) > 1 || losses[19] > first/2 {
		t.Errorf("losses %v: want about 10 log 5 at first and half of it in the end", losses)
	}
	score, err := m.Score(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, lp := range score.LogProbs {
		sum -= float64(b.Weights[i] * lp)
		if score.Correct[i] != (b.Weights[i] != 0) {
			t.Errorf("position %d: correct is %v", i, score.Correct[i])
		}
	}
	if last, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: req.Optimizer}); err != nil || math.Abs(last.Loss-sum) > 1e-5 { // Score rounds to float32
		t.Errorf("train says %v, score says %v: %v", last.Loss, sum, err)
	}

	ids, err := m.Open(ctx, 2)
	if err != nil || len(ids) != 2 {
		t.Fatal(ids, err)
	}
	whole, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[0], Tokens: []int32{1, 2, 3}}}, All: true})
	if err != nil || whole.Rows != 3 || whole.Width != 5 {
		t.Fatalf("%+v, %v", whole, err)
	}
	fork, err := m.Fork(ctx, ids[:1])
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Rewind(ctx, fork[0], 1); err != nil {
		t.Fatal(err)
	}
	last, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: fork[0], Tokens: []int32{3}}, {State: ids[1], Tokens: []int32{1, 2}}}})
	if err != nil || !slices.Equal(last.Logits, append(slices.Clone(whole.Logits[10:]), whole.Logits[5:10]...)) {
		t.Errorf("%v after fork and rewind, %v at once: %v", last.Logits, whole.Logits, err)
	}
	top, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[1], Tokens: []int32{3}}}, TopK: 2})
	if err != nil || top.Width != 2 || top.IDs[0] != 4 || top.Logits[0] != slices.Max(whole.Logits[10:]) {
		t.Errorf("%+v, %v", top, err)
	}
	if err := m.Close(ctx, append(ids, fork...)); err != nil {
		t.Error(err)
	}

	var weights, optimizer bytes.Buffer
	if err := errors.Join(m.Save(ctx, family.Weights, &weights), m.Save(ctx, family.Optimizer, &optimizer)); err != nil {
		t.Fatal(err)
	}
	other := pythonModel(t, p, 5)
	if err := errors.Join(other.Load(ctx, family.Weights, &weights), other.Load(ctx, family.Optimizer, &optimizer)); err != nil {
		t.Fatal(err)
	}
	a, errA := m.Train(ctx, req)
	c, errC := other.Train(ctx, req)
	if errA != nil || errC != nil || a.Loss != c.Loss || a.GradNorm != c.GradNorm {
		t.Errorf("%+v and %+v after a checkpoint: %v, %v", a, c, errA, errC)
	}
	if _, err := m.Profile(ctx, true); err != nil {
		t.Error(err)
	}
	if err := m.Release(ctx); err != nil {
		t.Error(err)
	}
	if _, err := m.Score(ctx, b); family.CodeOf(err) != family.NotFound {
		t.Errorf("after release: %v", err)
	}
}

func pythonErrors(t *testing.T, p *Plugin) {
	ctx := context.Background()
	m := pythonModel(t, p, 5)
	bad := func(config string, vocab int) error {
		_, _, err := p.Family().Build(ctx, family.BuildRequest{Config: []byte(config), Vocab: vocab})
		return err
	}
	score := func(b family.Batch) error { _, err := m.Score(ctx, b); return err }
	_, trace := m.Trace(ctx, family.TraceRequest{Batch: batch(1, 1)})
	for _, c := range []struct {
		name  string
		err   error
		code  family.Code
		field string
	}{
		{"unknown key", bad(`{"wdith":5}`, 5), family.InvalidConfig, "wdith"},
		{"bad value", bad(`{"width":-1}`, 5), family.InvalidConfig, "width"},
		{"vocabulary", bad(`{}`, 0), family.InvalidConfig, "vocab"},
		{"token", score(family.Batch{B: 1, T: 2, Tokens: []int32{0, 5}, Targets: []int32{0, 0}, Weights: []float32{1, 1}}), family.InvalidArgument, "batch.tokens[1]"},
		{"target", score(family.Batch{B: 1, T: 1, Tokens: []int32{0}, Targets: []int32{-1}, Weights: []float32{1}}), family.InvalidArgument, "batch.targets[0]"},
		{"state", m.Rewind(ctx, 99, 0), family.NotFound, "state"},
		{"trace", trace, family.Unimplemented, ""},
		{"checkpoint", m.Load(ctx, family.Weights, strings.NewReader("not a checkpoint")), family.Corrupt, "weights"},
	} {
		var fe *family.Error
		if !errors.As(c.err, &fe) || fe.Code != c.code || fe.Field != c.field || fe.Message == "" {
			t.Errorf("%s: %#v, want %s of %q", c.name, c.err, c.code, c.field)
		}
	}
}

// pythonLarge sends and receives requests of several messages.
func pythonLarge(t *testing.T, p *Plugin) {
	ctx := context.Background()
	m := pythonModel(t, p, 64)
	const n = 750_000
	b := family.Batch{B: 1, T: n, Tokens: make([]int32, n), Targets: make([]int32, n), Weights: make([]float32, n)} // 9 MiB
	for i := range n {
		b.Tokens[i] = int32(i % 64)
	}
	b.Weights[n-1] = 1 // the last position alone is worth anything
	res, err := m.Score(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	if res.LogProbs[n-1] == 0 || res.LogProbs[n-2] != 0 || len(res.LogProbs) != n {
		t.Errorf("%v at the last, %v at the last but one", res.LogProbs[n-1], res.LogProbs[n-2])
	}
	ids, err := m.Open(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	const fed = 36 << 10 // 9 MiB of logits
	out, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: ids[0], Tokens: b.Tokens[:fed]}}, All: true})
	if err != nil || out.Rows != fed || !slices.Equal(out.Logits[64*64:65*64], out.Logits[(fed-64)*64:(fed-63)*64]) {
		t.Errorf("%d rows: %v", out.Rows, err)
	}
}
