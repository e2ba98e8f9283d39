package data

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/archlab/archlab/core/data/internal/rng"
	"github.com/archlab/archlab/core/data/tokenizer"
)

// groupBytes is how much text one worker encodes at a time.
const groupBytes = 256 << 10

// encoding is how the documents of a split become the numbers of a stream: as the tokenizer cuts them, or in a random way.
type encoding struct {
	tok  Tokenizer
	seg  *Segmenter // nil: as the tokenizer does
	seed uint64     // of seg's cuts
}

// form is that of the stream. Training reads ids alone, so that a random cut has no bytes beside them.
func (e encoding) form() tokenForm {
	_, lossy := e.tok.(Lossy)
	return tokenForm{e.tok.Vocab(), lossy && e.seg == nil}
}

// key names the stream in the cache.
func (e encoding) key(corpus *Corpus, split Split) string {
	key := fmt.Sprintf("tokens 1\n%s\n%s\n%s", corpus.Checksum, split, e.tok.Fingerprint())
	if e.seg != nil {
		key += fmt.Sprintf("\nsampled 1\n%v\n%d", e.seg.how, e.seed)
	}
	return key
}

// textGroup is a few consecutive documents of a split, on their way through a worker.
type textGroup struct {
	text  []byte
	ends  []int
	first int // number of its first document in the split
	done  chan encoded
}

// encoded is a group as the numbers of a stream.
type encoded struct {
	tokens []int32
	rest   int // Lossy: bytes of the last document that follow its last token
	err    error
}

func newTextGroup(first int) *textGroup { return &textGroup{first: first, done: make(chan encoded, 1)} }

// encode begins every document with EOD. What a Lossy tokenizer leaves over at the end of a document is counted with the EOD after it, which
// for the last one is in the next group.
func (g *textGroup) encode(how encoding) (out encoded) {
	defer tokenizer.Catch(&out.err)
	tok, spans := how.tok, how.form().spans
	out = encoded{tokens: make([]int32, 0, len(g.text)/3+2*len(g.ends))}
	from := 0
	for i, end := range g.ends {
		text := g.text[from:end]
		from = end
		out.tokens = append(out.tokens, tok.EOD())
		switch {
		case how.seg != nil:
			var err error
			out.tokens, err = how.seg.encode(out.tokens, text, rng.Hash(how.seed, uint64(g.first+i)))
			out.err = errors.Join(out.err, err)
		case spans:
			out.tokens = append(out.tokens, int32(out.rest))
			out.tokens, out.rest = tok.(Lossy).EncodeSpans(out.tokens, text)
		default:
			n := len(out.tokens)
			out.tokens = tok.Encode(out.tokens, text)
			out.err = errors.Join(out.err, account(tok, out.tokens[n:], text))
		}
	}
	return out
}

// account holds the bytes of tokens against those of their text: bits per byte of a tokenizer that errs there would mean nothing.
func account(tok Tokenizer, ids []int32, text []byte) error {
	sum := 0
	for _, id := range ids {
		sum += tok.TokenBytes(id)
	}
	if sum != len(text) {
		return errorf(ErrFormat, tok.Name(), "the tokens of a document stand for %d bytes, it has %d", sum, len(text))
	}
	return nil
}

// encodeSplit encodes groups of documents in parallel and emits them in order.
func encodeSplit(ctx context.Context, corpus *Corpus, split Split, how encoding, emit func([]int32) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *textGroup)
	// The queue of groups in order bounds what is in flight, and with it the memory.
	order := make(chan *textGroup, 2*workers)

	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for g := range work {
				g.done <- g.encode(how)
			}
		})
	}
	var readErr error
	wg.Go(func() {
		defer close(order)
		defer close(work)
		g := newTextGroup(0)
		send := func() error {
			for _, c := range []chan *textGroup{order, work} {
				select {
				case c <- g:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			g = newTextGroup(g.first + len(g.ends))
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
	spans := how.form().spans
	var emitErr error
	rest := 0
	for g := range order {
		if emitErr != nil || ctx.Err() != nil {
			continue
		}
		select {
		case e := <-g.done:
			if emitErr = e.err; emitErr == nil {
				if spans {
					e.tokens[1] = int32(rest)
					rest = e.rest
				}
				emitErr = emit(e.tokens)
			}
			if emitErr != nil {
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
	if spans {
		return emit([]int32{how.tok.EOD(), int32(rest)})
	}
	return emit([]int32{how.tok.EOD()})
}
