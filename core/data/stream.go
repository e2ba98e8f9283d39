package data

import (
	"context"
	"errors"
	"fmt"
)

// Stream is one split of a corpus as token ids: EOD doc EOD doc ... EOD. It is safe for concurrent use.
//
// Where the tokenizer is Lossy, the store holds two numbers a token: its id, and the bytes of text that it stands for.
type Stream struct {
	tok   Tokenizer
	store tokenStore
	spans bool
}

// tokenStore is random access to ids, in memory or on disk.
type tokenStore interface {
	len() int
	read(dst []int32, at int) error
	close() error
}

// Len is the number of tokens, separators included.
func (s *Stream) Len() int {
	if s.spans {
		return s.store.len() / 2
	}
	return s.store.len()
}

// Tokenizer is what encoded the stream.
func (s *Stream) Tokenizer() Tokenizer { return s.tok }

// Read fills dst with the tokens from position at on; the range must lie inside [0,Len).
func (s *Stream) Read(dst []int32, at int) error {
	if at < 0 || at+len(dst) > s.Len() {
		return errorf(ErrTooShort, "stream", "read of tokens [%d,%d) of %d", at, at+len(dst), s.Len())
	}
	if s.spans {
		return s.column(0, dst, at)
	}
	return s.store.read(dst, at)
}

// textBytes fills dst with the bytes of text that the tokens from position at on stand for; ids are those tokens. EOD stands for what the
// tokens of the document that it ends leave over.
func (s *Stream) textBytes(dst, ids []int32, at int) error {
	if s.spans {
		return s.column(1, dst, at)
	}
	for i, id := range ids {
		dst[i] = int32(s.tok.TokenBytes(id))
	}
	return nil
}

// column reads the ids or the bytes of a stream that holds both.
func (s *Stream) column(which int, dst []int32, at int) error {
	both := make([]int32, 2*len(dst))
	if err := s.store.read(both, 2*at); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = both[2*i+which]
	}
	return nil
}

// Each calls fn with consecutive blocks of the stream; a block is valid until fn returns.
func (s *Stream) Each(ctx context.Context, fn func(block []int32) error) error {
	var block [1 << 14]int32
	for at := 0; at < s.Len(); at += len(block) {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := block[:min(len(block), s.Len()-at)]
		if err := s.Read(b, at); err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the file of a stream that is not in memory; nothing may read it afterwards.
func (s *Stream) Close() error { return s.store.close() }

// NewStream makes a stream of given tokens, which the caller must not change afterwards. It should start and end with EOD. A Lossy
// tokenizer is refused: its tokens do not tell their bytes.
func NewStream(tok Tokenizer, tokens []int32) (*Stream, error) {
	if _, lossy := tok.(Lossy); lossy {
		return nil, errorf(ErrConfig, "stream", "tokens of %s alone do not tell how much text they stand for", tok.Name())
	}
	for i, id := range tokens {
		if id < 0 || int(id) >= tok.Vocab() {
			return nil, errorf(ErrFormat, "stream", "token %d at %d is outside the vocabulary [0,%d)", id, i, tok.Vocab())
		}
	}
	return &Stream{tok: tok, store: &memory{wide: tokens, width: 4}}, nil
}

// OpenStream encodes a split with all cores, or takes it from the cache, whose file is then mapped rather than read into memory. Without a
// cache the stream is in memory.
func OpenStream(ctx context.Context, corpus *Corpus, split Split, tok Tokenizer, cache Cache) (*Stream, error) {
	return openEncoded(ctx, corpus, split, encoding{tok: tok}, cache)
}

func openEncoded(ctx context.Context, corpus *Corpus, split Split, how encoding, cache Cache) (*Stream, error) {
	fail := func(err error) (*Stream, error) {
		return nil, fmt.Errorf("encode the %s split of %s: %w", split, corpus.Name, err)
	}
	form := how.form()
	if cache.Dir != "" {
		key := how.key(corpus, split)
		path := cache.path("tokens", ".bin", key)
		store, err := openTokenFile(path, key, form)
		if err == nil {
			cache.used(path)
			return &Stream{how.tok, store, form.spans}, nil
		}
		if !isNotExist(err) {
			cache.log("cached tokens are encoded again", err)
		}
		if store, err = encodeFile(ctx, corpus, split, how, cache, path, key); err == nil {
			return &Stream{how.tok, store, form.spans}, nil
		}
		if !errors.As(err, new(cacheError)) {
			return fail(err)
		}
		cache.log("encoded tokens are not cached", err)
	}
	m := newMemory(form.width(), 0)
	err := encodeSplit(ctx, corpus, split, how, func(ids []int32) error { m.put(ids); return nil })
	if err != nil {
		return fail(err)
	}
	return &Stream{how.tok, m, form.spans}, nil
}
