package data

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
)

const (
	defaultVocab      = 2048
	defaultTrainBytes = 10 << 20
	// Longer words (runs of spaces, base64) are not learned from: they are rare, and each merge rewrites the words it is in.
	maxTrainWord = 256
)

// TrainBPE learns a vocabulary of at most vocab ids from the texts that each yields. The most frequent pair is merged first; of
// equally frequent ones, the one with the lower left id, then the lower right id. The result does not depend on the order of
// the texts or the number of threads. Learning stops early when no pair occurs twice.
func TrainBPE(ctx context.Context, vocab int, each func(fn func(text []byte) error) error) (*BPE, error) {
	if vocab < bytesVocab || vocab > maxVocab {
		return nil, errorf(ErrConfig, "vocab", "got %d, want %d to %d", vocab, bytesVocab, maxVocab)
	}
	counts, err := countWords(each)
	if err != nil {
		return nil, err
	}
	t := newTrainer(counts)
	var merges [][2]int32
	for len(merges) < vocab-bytesVocab {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pair, ok := t.best()
		if !ok {
			break
		}
		t.merge(pair, int32(bytesVocab+len(merges)))
		merges = append(merges, [2]int32{int32(pair >> 32), int32(uint32(pair))})
	}
	return NewBPE(merges)
}

// openBPE takes a vocabulary from the cache or learns it.
func openBPE(ctx context.Context, cfg TokenizerConfig, corpus *Corpus, cache Cache) (Tokenizer, error) {
	if cfg.Vocab == 0 {
		cfg.Vocab = defaultVocab
	}
	if cfg.TrainBytes == 0 {
		cfg.TrainBytes = defaultTrainBytes
	}
	if cfg.TrainBytes < 0 {
		return nil, errorf(ErrConfig, "train_bytes", "got %d, want 0 (the default) or more", cfg.TrainBytes)
	}
	path := cache.path("tokenizers", ".json", "bpe 1", corpus.Checksum, fmt.Sprint(cfg.Vocab), fmt.Sprint(cfg.TrainBytes))
	if cache.Dir != "" {
		tok, err := LoadTokenizer(path)
		if err == nil {
			b, ok := tok.(*BPE)
			if ok && b.Vocab() <= cfg.Vocab {
				cache.used(path)
				return b, nil
			}
			err = errorf(ErrCorrupt, path, "%s, want a bpe of at most %d ids", tok.Name(), cfg.Vocab)
		}
		if !isNotExist(err) {
			cache.log("a cached vocabulary is learned again", err)
		}
	}
	b, err := TrainBPE(ctx, cfg.Vocab, func(fn func([]byte) error) error {
		return corpus.EachSample(ctx, Train, cfg.TrainBytes, func(d Document) error { return fn(d.Text) })
	})
	if err != nil {
		return nil, fmt.Errorf("learn a vocabulary of %d from %s: %w", cfg.Vocab, corpus.Name, err)
	}
	if cache.Dir != "" {
		if err := cache.write(path, func(f *os.File) error { return SaveTokenizer(f, b) }); err != nil {
			cache.log("the vocabulary is not cached", err)
		}
	}
	return b, nil
}

// countWords counts the words of all texts, in parallel; sums do not depend on who counted what.
func countWords(each func(func([]byte) error) error) (map[string]int64, error) {
	texts := make(chan []byte, runtime.GOMAXPROCS(0))
	parts := make([]map[string]int64, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range parts {
		parts[i] = map[string]int64{}
		wg.Go(func() {
			for text := range texts {
				for len(text) > 0 {
					n := nextWord(text)
					if n > 1 && n <= maxTrainWord {
						parts[i][string(text[:n])]++
					}
					text = text[n:]
				}
			}
		})
	}
	err := each(func(text []byte) error {
		texts <- append([]byte(nil), text...)
		return nil
	})
	close(texts)
	wg.Wait()
	for _, p := range parts[1:] {
		for w, n := range p {
			parts[0][w] += n
		}
	}
	return parts[0], err
}

// trainer keeps every distinct word as symbols, and for each pair its count over the text and the words it is in.
type trainer struct {
	words []trainWord
	pairs map[uint64]*pairInfo
	queue heapOf[queued]
	seen  []int32 // by word: the last merge that rewrote it
}

type trainWord struct {
	ids   []int32
	count int64
}

type pairInfo struct {
	count int64
	words []int32 // may name a word twice, or one that no longer holds the pair
}

func newTrainer(counts map[string]int64) *trainer {
	t := &trainer{pairs: map[uint64]*pairInfo{}}
	for w, n := range counts {
		ids := make([]int32, len(w))
		for i := range ids {
			ids[i] = int32(w[i])
		}
		t.words = append(t.words, trainWord{ids, n})
	}
	// Map order must not reach the lists of words; the result would be the same, the time would not.
	slices.SortFunc(t.words, func(a, b trainWord) int { return slices.Compare(a.ids, b.ids) })
	t.seen = make([]int32, len(t.words))
	for i, w := range t.words {
		t.count(int32(i), w.ids, w.count, true)
	}
	for key, p := range t.pairs {
		t.queue = append(t.queue, queued{p.count, key})
	}
	t.queue.init()
	return t
}

// count adds n for each adjacent pair of a word.
func (t *trainer) count(word int32, ids []int32, n int64, list bool) {
	for i := 0; i+1 < len(ids); i++ {
		key := pairKey(ids[i], ids[i+1])
		p := t.pairs[key]
		if p == nil {
			p = &pairInfo{}
			t.pairs[key] = p
		}
		p.count += n
		if list && (len(p.words) == 0 || p.words[len(p.words)-1] != word) {
			p.words = append(p.words, word)
		}
	}
}

// best takes the most frequent pair off the queue. Counts of queued pairs only ever fall, so a stale head is queued again with
// its true count.
func (t *trainer) best() (uint64, bool) {
	for len(t.queue) > 0 {
		head := t.queue[0]
		p := t.pairs[head.pair]
		switch {
		case p == nil || p.count < 2:
			t.queue.pop()
		case p.count != head.count:
			t.queue[0].count = p.count
			t.queue.down(0)
		default:
			return t.queue.pop().pair, true
		}
	}
	return 0, false
}

// merge rewrites every word that holds the pair. Only pairs with the new id can gain occurrences.
func (t *trainer) merge(pair uint64, id int32) {
	left, right := int32(pair>>32), int32(uint32(pair))
	var fresh []uint64
	words := t.pairs[pair].words
	for _, w := range words {
		if t.seen[w] == id {
			continue
		}
		t.seen[w] = id
		word := &t.words[w]
		t.count(w, word.ids, -word.count, false)
		out := word.ids[:0]
		for i := 0; i < len(word.ids); i++ {
			if i+1 < len(word.ids) && word.ids[i] == left && word.ids[i+1] == right {
				out = append(out, id)
				i++
			} else {
				out = append(out, word.ids[i])
			}
		}
		word.ids = out
		t.count(w, out, word.count, false)
		for i := 0; i+1 < len(out); i++ {
			if out[i] != id && out[i+1] != id {
				continue
			}
			p := t.pairs[pairKey(out[i], out[i+1])]
			if len(p.words) == 0 {
				fresh = append(fresh, pairKey(out[i], out[i+1]))
			}
			if len(p.words) == 0 || p.words[len(p.words)-1] != w {
				p.words = append(p.words, w)
			}
		}
	}
	delete(t.pairs, pair)
	for _, key := range fresh {
		t.queue.push(queued{t.pairs[key].count, key})
	}
}

// queued is a pair with the count it had when it was queued.
type queued struct {
	count int64
	pair  uint64
}

// before orders by count, descending, then by left and right id.
func (q queued) before(r queued) bool {
	if q.count != r.count {
		return q.count > r.count
	}
	return q.pair < r.pair
}
