package data

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// Stream is one split of a corpus as token ids: EOD doc EOD doc ... EOD. It is safe for concurrent use.
type Stream struct {
	tok   Tokenizer
	store tokenStore
}

// tokenStore is random access to ids, in memory or on disk.
type tokenStore interface {
	len() int
	read(dst []int32, at int) error
	close() error
}

// MemoryLimit is the largest stream, in bytes as stored, that is kept in memory; larger ones are read from the cache's file as needed.
// Without a cache every stream is kept in memory.
const MemoryLimit = 128 << 20

// Len is the number of tokens, separators included.
func (s *Stream) Len() int { return s.store.len() }

// Tokenizer is what encoded the stream.
func (s *Stream) Tokenizer() Tokenizer { return s.tok }

// Read fills dst with the tokens from position at on; the range must lie inside [0,Len).
func (s *Stream) Read(dst []int32, at int) error {
	if at < 0 || at+len(dst) > s.store.len() {
		return errorf(ErrTooShort, "stream", "read of tokens [%d,%d) of %d", at, at+len(dst), s.store.len())
	}
	return s.store.read(dst, at)
}

// Each calls fn with consecutive blocks of the stream; a block is valid until fn returns.
func (s *Stream) Each(ctx context.Context, fn func(block []int32) error) error {
	var block [1 << 14]int32
	for at := 0; at < s.Len(); at += len(block) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := block[:min(len(block), s.Len()-at)]
		if err := s.store.read(b, at); err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the file of a stream that is not in memory.
func (s *Stream) Close() error { return s.store.close() }

// NewStream makes a stream of given tokens, which the caller must not change afterwards. It should start and end with EOD.
func NewStream(tok Tokenizer, tokens []int32) (*Stream, error) {
	for i, id := range tokens {
		if id < 0 || int(id) >= tok.Vocab() {
			return nil, errorf(ErrFormat, "stream", "token %d at %d is outside the vocabulary [0,%d)", id, i, tok.Vocab())
		}
	}
	return &Stream{tok, &memory{wide: tokens, width: 4}}, nil
}

// OpenStream encodes a split with all cores, or takes it from the cache.
func OpenStream(ctx context.Context, corpus *Corpus, split Split, tok Tokenizer, cache Cache) (*Stream, error) {
	return openStream(ctx, corpus, split, tok, cache, MemoryLimit)
}

func openStream(ctx context.Context, corpus *Corpus, split Split, tok Tokenizer, cache Cache, limit int64) (*Stream, error) {
	fail := func(err error) (*Stream, error) {
		return nil, fmt.Errorf("encode the %s split of %s: %w", split, corpus.Name, err)
	}
	if cache.Dir != "" {
		key := streamKey(corpus, split, tok)
		path := cache.path("tokens", ".bin", key)
		store, err := openTokenFile(path, key, tok.Vocab(), limit)
		if err == nil {
			cache.used(path)
			return &Stream{tok, store}, nil
		}
		if !isNotExist(err) {
			cache.log("cached tokens are encoded again", err)
		}
		err = encodeFile(ctx, corpus, split, tok, cache, path, key)
		if err != nil && !errors.As(err, new(cacheError)) {
			return fail(err)
		}
		if err == nil {
			if store, err = openTokenFile(path, key, tok.Vocab(), limit); err == nil {
				return &Stream{tok, store}, nil
			}
		}
		cache.log("encoded tokens are not cached", err)
	}
	m := newMemory(tokenWidth(tok.Vocab()), 0)
	err := encodeSplit(ctx, corpus, split, tok, func(ids []int32) error { m.put(ids); return nil })
	if err != nil {
		return fail(err)
	}
	return &Stream{tok, m}, nil
}

func streamKey(corpus *Corpus, split Split, tok Tokenizer) string {
	return fmt.Sprintf("tokens 1\n%s\n%s\n%s", corpus.Checksum, split, tok.Fingerprint())
}

// groupBytes is how much text one worker encodes at a time.
const groupBytes = 256 << 10

// encodeSplit encodes groups of documents in parallel and emits them in order.
func encodeSplit(ctx context.Context, corpus *Corpus, split Split, tok Tokenizer, emit func([]int32) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type group struct {
		text []byte
		ends []int
		done chan []int32
	}
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *group)
	// The queue of groups in order bounds what is in flight, and with it the memory.
	order := make(chan *group, 2*workers)

	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for g := range work {
				ids := make([]int32, 0, len(g.text)/3+len(g.ends))
				from := 0
				for _, end := range g.ends {
					ids = append(ids, tok.EOD())
					ids = tok.Encode(ids, g.text[from:end])
					from = end
				}
				g.done <- ids
			}
		})
	}
	var readErr error
	wg.Go(func() {
		defer close(order)
		defer close(work)
		g := &group{done: make(chan []int32, 1)}
		send := func() error {
			for _, c := range []chan *group{order, work} {
				select {
				case c <- g:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			g = &group{done: make(chan []int32, 1)}
			return nil
		}
		readErr = corpus.Each(ctx, split, func(d Document) error {
			g.text = append(g.text, d.Text...)
			g.ends = append(g.ends, len(g.text))
			if len(g.text) >= groupBytes {
				return send()
			}
			return nil
		})
		if readErr == nil && len(g.ends) > 0 {
			readErr = send()
		}
	})
	var emitErr error
	for g := range order {
		if emitErr != nil || ctx.Err() != nil {
			continue
		}
		select {
		case ids := <-g.done:
			if emitErr = emit(ids); emitErr != nil {
				cancel()
			}
		case <-ctx.Done():
		}
	}
	wg.Wait()
	if emitErr != nil {
		return emitErr
	}
	if readErr != nil {
		return readErr
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return emit([]int32{tok.EOD()})
}
