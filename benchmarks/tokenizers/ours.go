package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/archlab/archlab/core/data/tokenizer"
)

// vocab is what the reference's binding learns, which gives no way to ask for another number; its Unigram learns 8,000 pieces.
func (c scheme) vocab() int {
	if c.kind == "unigram" {
		return 8000
	}
	return 30000
}

func (c scheme) config() tokenizer.TrainConfig {
	cfg := tokenizer.TrainConfig{Kind: c.kind, Vocab: c.vocab(), Pattern: c.pattern, MinFrequency: 1}
	if c.kind == "unigram" {
		cfg.MinFrequency = 0
	}
	return cfg
}

func schemeOf(key string) (scheme, error) {
	i := slices.IndexFunc(schemes, func(c scheme) bool { return c.key == key })
	if i < 0 {
		return scheme{}, fmt.Errorf("unknown scheme %q", key)
	}
	return schemes[i], nil
}

// train learns from the lines of a file, as the reference does.
func train(dir string, c scheme) (*tokenizer.Tokenizer, error) {
	return tokenizer.Train(context.Background(), c.config(), func(fn func([]byte) error) error {
		text, err := os.ReadFile(path(dir, "train.txt"))
		if err != nil {
			return err
		}
		for line := range bytes.Lines(text) {
			if err := fn(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// learn writes the tokenizer that both encode with, and the one without a vocabulary that the reference trains.
func learn(dir string, c scheme) error {
	tok, err := train(dir, c)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := tok.Write(&b); err != nil {
		return err
	}
	if err := os.WriteFile(path(dir, c.key+".json"), b.Bytes(), 0o600); err != nil {
		return err
	}
	var file map[string]any
	if err := json.Unmarshal(b.Bytes(), &file); err != nil {
		return err
	}
	model := file["model"].(map[string]any)
	switch c.kind {
	case "unigram":
		file["model"] = map[string]any{"type": "Unigram", "unk_id": nil, "vocab": []any{}}
	default:
		model["vocab"] = map[string]int{}
		if c.kind == "bpe" {
			model["merges"] = []any{}
		}
	}
	file["added_tokens"], file["post_processor"] = []any{}, nil
	raw, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return os.WriteFile(path(dir, c.key+"-empty.json"), raw, 0o600)
}

// ours is our part of a round.
func ours(r request) (timing, error) {
	c, err := schemeOf(r.Scheme)
	if err != nil {
		return timing{}, err
	}
	t := timing{Seconds: map[string]float64{}}
	if r.Do == "train" {
		from := time.Now()
		_, err := train(r.Dir, c)
		t.Seconds["train"] = time.Since(from).Seconds()
		return t, err
	}
	tok, err := tokenizer.Load(path(r.Dir, c.key+".json"))
	if err != nil {
		return t, err
	}
	docs, err := readDocs(path(r.Dir, "docs.json"))
	if err != nil {
		return t, err
	}
	stream, err := readDocs(path(r.Dir, "stream.json"))
	if err != nil {
		return t, err
	}
	ids := make([][]int32, len(docs))
	for _, how := range []struct {
		name   string
		encode func(text []byte) []int32
	}{
		{"", func(text []byte) []int32 { return tok.AppendIDs(nil, text) }},
		{" with offsets", func(text []byte) []int32 { return tok.Encode(text, false).IDs }},
	} {
		for _, d := range docs[:len(docs)/20] { // as warm as the reference, see reference.js
			how.encode(d)
		}
		from := time.Now()
		how.encode(stream[0])
		t.Seconds["stream"+how.name] = time.Since(from).Seconds()
		from = time.Now()
		var next atomic.Int64
		var wg sync.WaitGroup
		for range r.Threads {
			wg.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(docs); i = int(next.Add(1)) - 1 {
					ids[i] = how.encode(docs[i])
				}
			})
		}
		wg.Wait()
		t.Seconds["documents"+how.name] = time.Since(from).Seconds()
	}
	for _, x := range ids {
		h := fnv.New32a()
		for _, id := range x {
			_ = binary.Write(h, binary.LittleEndian, id)
		}
		t.Hashes = append(t.Hashes, h.Sum32())
	}
	return t, nil
}

func readDocs(name string) ([][]byte, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var docs []string
	if err := json.Unmarshal(raw, &docs); err != nil {
		return nil, err
	}
	out := make([][]byte, len(docs))
	for i, d := range docs {
		out[i] = []byte(d)
	}
	return out, nil
}
