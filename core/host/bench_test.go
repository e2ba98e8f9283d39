package host

import (
	"context"
	"fmt"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// BenchmarkCall is the price of the process boundary: calls whose family does next to nothing, to a process of its own.
func BenchmarkCall(b *testing.B) {
	h := New(Options{Builtins: []string{"fake"}, BuiltinArgs: noArgs, Env: []string{actEnv + "=serve"}})
	defer h.Close()
	ctx := context.Background()
	p, err := h.Launch(ctx, "fake")
	if err != nil {
		b.Fatal(err)
	}
	m, _, err := p.Family().Build(ctx, family.BuildRequest{Config: []byte(`{}`), Vocab: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 8 * 256, 1 << 20} {
		data := batch(1, n)
		b.Run(fmt.Sprintf("train/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(12 * n))
			for b.Loop() {
				if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{data}}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("score/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64((12 + 5) * n))
			for b.Loop() {
				if _, err := m.Score(ctx, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
