package data

import "testing"

func BenchmarkBatch(b *testing.B) {
	batcher, err := NewBatcher(counting(b, 1<<20), BatchConfig{B: 8, T: 256, Mode: Documents})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	step := 0
	for b.Loop() {
		if _, err := batcher.Batch(step); err != nil {
			b.Fatal(err)
		}
		step++
	}
}
