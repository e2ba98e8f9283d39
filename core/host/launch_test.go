package host

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
)

// launch starts the test binary in an act as a built-in.
func launch(t *testing.T, act string) (*Plugin, error) {
	t.Helper()
	o := Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=" + act}, StartTimeout: 20 * time.Second}
	h := New(o)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h.Launch(context.Background(), "fake")
}

// serve launches the fake family and builds a model that does act when it is trained.
func serve(t *testing.T, act string, bytes int) (*Plugin, family.Model) {
	t.Helper()
	p, err := launch(t, "serve")
	if err != nil {
		t.Fatal(err)
	}
	return p, build(t, p, act, bytes)
}

func build(t *testing.T, p *Plugin, act string, bytes int) family.Model {
	t.Helper()
	config, err := json.Marshal(map[string]any{"act": act, "bytes": bytes})
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := p.Family().Build(context.Background(), family.BuildRequest{Config: config, Vocab: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func batch(b, t int) family.Batch {
	n := b * t
	out := family.Batch{B: b, T: t, Tokens: make([]int32, n), Targets: make([]int32, n), Weights: make([]float32, n)}
	for i := range n {
		out.Tokens[i], out.Targets[i], out.Weights[i] = int32(i), int32(i), 1
	}
	return out
}

func TestBuiltin(t *testing.T) {
	p, m := serve(t, "", 0)
	d, err := p.Family().Describe(context.Background())
	if err != nil || d.Name != "fake" {
		t.Fatalf("%+v, %v", d, err)
	}
	res, err := m.Train(context.Background(), family.TrainRequest{MicroBatches: []family.Batch{batch(1, 4), batch(2, 3)}})
	if err != nil {
		t.Fatal(err)
	}
	if want := 0 + 1 + 2 + 3 + 0 + 1 + 2 + 3 + 4 + 5.0; res.Loss != want {
		t.Errorf("loss %v, want %v", res.Loss, want)
	}
	if int(res.Metrics["pid"]) != p.PID() {
		t.Errorf("pid %d, the process says %v", p.PID(), res.Metrics["pid"])
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	<-p.Done()
	if err := p.Err(); err != nil {
		t.Errorf("a closed plugin answers %v", err)
	}
}
