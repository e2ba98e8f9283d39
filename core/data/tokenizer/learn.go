package tokenizer

import (
	"context"
	"math/bits"
	"runtime"
	"sync"
)

// learner learns merges. It keeps every distinct word as symbols, and for each pair how often it occurs in the text and which words
// it is in, so that a merge touches nothing but those words, and counts are changed, not taken anew.
//
// The most frequent pair is merged first; of equally frequent ones that of the lower left id, then of the lower right id.
type learner struct {
	symbols []int32 // of all words, one after the other
	starts  []int   // of the words in symbols, and the end
	sizes   []int32 // of the words, in symbols; merges make them fewer
	counts  []int64 // how often a word occurs
	seen    []int32 // by word: the last id that was merged in it

	pairs  pairIndex
	number []int64   // by pair: occurrences, weighted by the counts of words
	places [][]int32 // by pair: words; may name one that holds it no longer
	stamp  []int32   // by pair: the last id that it was queued for
	queue  heapOf[queued]

	tokens    []string
	lengths   []int32 // of tokens, in first symbols
	ids       map[string]int32
	merges    [][2]int32
	prefix    string                  // what tokens inside of a word begin with
	refuse    func(token string) bool // tokens that must not be made, beside those that exist; may be nil
	maxLength int32                   // pairs of this many first symbols or more are not counted, unless they are of two; 0: no bound
}

// queued is a pair with the count it had when it was queued.
type queued struct {
	count int64
	key   uint64
	index int32
}

func (q queued) before(r queued) bool {
	if q.count != r.count {
		return q.count > r.count
	}
	return q.key < r.key
}

// newLearner begins with the tokens of the alphabet (and others).
func newLearner(tokens []string, prefix string, maxLength int) *learner {
	l := &learner{tokens: tokens, ids: make(map[string]int32, len(tokens)), prefix: prefix, maxLength: int32(maxLength), starts: []int{0}}
	for i, t := range tokens {
		l.ids[t] = int32(i)
		l.lengths = append(l.lengths, 1)
	}
	return l
}

// add adds a word. Words of one symbol teach nothing.
func (l *learner) add(symbols []int32, count int64) {
	if len(symbols) < 2 {
		return
	}
	l.symbols = append(l.symbols, symbols...)
	l.starts = append(l.starts, len(l.symbols))
	l.sizes = append(l.sizes, int32(len(symbols)))
	l.counts = append(l.counts, count)
}

// learn merges until there are vocab tokens, or no pair is left that occurs minimum times.
func (l *learner) learn(ctx context.Context, vocab int, minimum int64) error {
	l.count()
	for len(l.tokens) < vocab {
		if err := ctx.Err(); err != nil {
			return err
		}
		top, ok := l.best(minimum)
		if !ok {
			break
		}
		left, right := int32(top.key>>32), int32(uint32(top.key))
		made := l.tokens[left] + l.tokens[right][len(l.prefix)*l.inside(right):]
		if _, ok := l.ids[made]; ok || l.refuse != nil && l.refuse(made) {
			continue // text that spells a special token, or a byte's, must not become one
		}
		id := int32(len(l.tokens))
		l.tokens = append(l.tokens, made)
		l.ids[made] = id
		l.lengths = append(l.lengths, l.lengths[left]+l.lengths[right])
		l.merges = append(l.merges, [2]int32{left, right})
		l.merge(top.index, left, right, id)
	}
	return nil
}

// inside is 1 for tokens that begin with the prefix of tokens inside of a word.
func (l *learner) inside(id int32) int {
	t := l.tokens[id]
	if l.prefix != "" && len(t) >= len(l.prefix) && t[:len(l.prefix)] == l.prefix {
		return 1
	}
	return 0
}

// count counts all pairs: threads take runs of words, and their tables are added in the order of the runs.
func (l *learner) count() {
	words := len(l.sizes)
	l.seen = make([]int32, words)
	parts := make([]*learner, min(runtime.GOMAXPROCS(0), max(1, words/4096)))
	var wg sync.WaitGroup
	for k := range parts {
		from, to := words*k/len(parts), words*(k+1)/len(parts)
		part := &learner{}
		parts[k] = part
		wg.Go(func() {
			for w := from; w < to; w++ {
				word := l.symbols[l.starts[w]:l.starts[w+1]]
				for i := 0; i+1 < len(word); i++ {
					p := part.pair(pair(word[i], word[i+1]))
					part.number[p] += l.counts[w]
					part.place(p, int32(w))
				}
			}
		})
	}
	wg.Wait()
	l.pairs, l.number, l.places, l.stamp = parts[0].pairs, parts[0].number, parts[0].places, parts[0].stamp
	for _, part := range parts[1:] {
		for i, key := range part.pairs.keys {
			p := l.pair(key)
			l.number[p] += part.number[i]
			l.places[p] = append(l.places[p], part.places[i]...)
		}
	}
	for i, key := range l.pairs.keys {
		l.queue = append(l.queue, queued{l.number[i], key, int32(i)})
	}
	l.queue.init()
}

// pair answers the index of a pair, new ones included.
func (l *learner) pair(key uint64) int32 {
	i, fresh := l.pairs.index(key)
	if fresh {
		l.number = append(l.number, 0)
		l.places = append(l.places, nil)
		l.stamp = append(l.stamp, 0)
	}
	return i
}

func (l *learner) place(pair, word int32) {
	places := l.places[pair]
	if n := len(places); n == 0 || places[n-1] != word {
		l.places[pair] = append(places, word)
	}
}

// best takes the most frequent pair off the queue. Counts of queued pairs only ever fall, so a stale head is queued again with its true
// count.
func (l *learner) best(minimum int64) (queued, bool) {
	for len(l.queue) > 0 {
		head := l.queue[0]
		if n := l.number[head.index]; n != head.count {
			if n < minimum {
				l.queue.pop()
				continue
			}
			l.queue[0].count = n
			l.queue.down(0)
			continue
		}
		if head.count < minimum {
			return queued{}, false
		}
		return l.queue.pop(), true
	}
	return queued{}, false
}

// merge rewrites every word that holds the pair, and changes the counts of the pairs beside it.
func (l *learner) merge(index, left, right, id int32) {
	var fresh []int32
	for _, w := range l.places[index] {
		if l.seen[w] == id {
			continue
		}
		l.seen[w] = id
		count := l.counts[w]
		word := l.symbols[l.starts[w] : l.starts[w]+int(l.sizes[w])]
		out := 0
		for i := 0; i < len(word); i++ {
			if word[i] != left || i+1 == len(word) || word[i+1] != right {
				word[out] = word[i]
				out++
				continue
			}
			if out > 0 {
				before := word[out-1]
				l.number[l.pair(pair(before, left))] -= count
				fresh = l.gain(fresh, before, id, w, count, id)
			}
			word[out] = id
			out++
			if i+2 < len(word) {
				l.number[l.pair(pair(right, word[i+2]))] -= count
				fresh = l.gain(fresh, id, word[i+2], w, count, id)
			}
			i++
		}
		l.sizes[w] = int32(out)
	}
	l.places[index], l.number[index] = nil, 0
	for _, p := range fresh {
		if l.number[p] > 0 {
			l.queue.push(queued{l.number[p], l.pairs.keys[p], p})
		}
	}
}

// gain counts a pair that a merge made, unless it would be too long.
func (l *learner) gain(fresh []int32, left, right, word int32, count int64, id int32) []int32 {
	if l.maxLength > 0 && l.lengths[left]+l.lengths[right] >= l.maxLength {
		return fresh
	}
	p := l.pair(pair(left, right))
	l.number[p] += count
	l.place(p, word)
	if l.stamp[p] != id {
		l.stamp[p] = id
		fresh = append(fresh, p)
	}
	return fresh
}

// pairIndex numbers pairs in the order of their coming.
type pairIndex struct {
	keys  []uint64
	slots []int32 // index + 1
	shift uint
}

func (t *pairIndex) index(key uint64) (i int32, fresh bool) {
	if 2*len(t.keys) >= len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for s := spread(key) >> t.shift; ; s = (s + 1) & mask {
		k := t.slots[s]
		if k == 0 {
			t.keys = append(t.keys, key)
			t.slots[s] = int32(len(t.keys))
			return int32(len(t.keys)) - 1, true
		}
		if t.keys[k-1] == key {
			return k - 1, false
		}
	}
}

func (t *pairIndex) grow() {
	t.slots = make([]int32, max(1<<10, 2*len(t.slots)))
	t.shift = uint(64 - bits.TrailingZeros(uint(len(t.slots))))
	mask := uint64(len(t.slots) - 1)
	for k, key := range t.keys {
		s := spread(key) >> t.shift
		for t.slots[s] != 0 {
			s = (s + 1) & mask
		}
		t.slots[s] = int32(k) + 1
	}
}
