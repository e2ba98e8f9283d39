package task

import (
	"testing"

	"github.com/archlab/archlab/core/data"
)

// Validation examples cost about eight draws each, training examples one and a third.
func BenchmarkExample(b *testing.B) {
	for _, kind := range Names() {
		for _, preset := range Presets {
			t, err := Open(Config{Kind: kind, Preset: preset})
			if err != nil {
				b.Fatal(err)
			}
			for _, split := range []data.Split{data.Train, data.Validation} {
				b.Run(kind+"/"+preset+"/"+split.String(), func(b *testing.B) {
					b.ReportAllocs()
					i := 0
					for b.Loop() {
						t.Example(split, 1, i)
						i++
					}
				})
			}
		}
	}
}
