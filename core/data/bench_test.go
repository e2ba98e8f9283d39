package data

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// goText is 2 MB of the toolchain's source, the kind of text that the quickstart trains on.
func goText(b *testing.B) []byte {
	b.Helper()
	c, err := Open(context.Background(), CorpusConfig{Kind: "gosrc", MaxBytes: 2 << 20, Shares: Shares{1, 0, 0}})
	if err != nil {
		b.Skip(err)
	}
	var text bytes.Buffer
	if err := c.Each(context.Background(), Train, func(d Document) error { text.Write(d.Text); return nil }); err != nil {
		b.Fatal(err)
	}
	return text.Bytes()
}

func BenchmarkTrainBPE(b *testing.B) {
	text := goText(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := TrainBPE(context.Background(), 2048, func(fn func([]byte) error) error { return fn(text) }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	text := goText(b)
	tok, err := TrainBPE(context.Background(), 2048, func(fn func([]byte) error) error { return fn(text) })
	if err != nil {
		b.Fatal(err)
	}
	ids := tok.Encode(nil, text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		ids = tok.Encode(ids[:0], text)
	}
}

func BenchmarkNextWord(b *testing.B) {
	text := goText(b)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		for rest := text; len(rest) > 0; {
			rest = rest[nextWord(rest):]
		}
	}
}

func BenchmarkEncodeLongWord(b *testing.B) {
	text := []byte(strings.Repeat("ab", 1<<19))
	tok, err := NewBPE([][2]int32{{'a', 'b'}, {257, 257}, {258, 258}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		tok.Encode(nil, text)
	}
}

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
