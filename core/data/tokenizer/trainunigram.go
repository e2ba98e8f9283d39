package tokenizer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"
)

// unigramTraining is how pieces are found (Kudo 2018, section 3.2). The zero value takes SentencePiece's numbers.
type unigramTraining struct {
	size     int                     // pieces wanted
	coverage float64                 // share of the text's characters that are pieces of their own; the rare rest is cut out. 0: all of them
	alphabet int                     // and at most so many of them; 0: no bound
	required string                  // characters that are pieces in any case
	refuse   func(piece string) bool // what must not become a piece of several characters; may be nil
	seeds    int                     // pieces to begin with; 0: a million
	longest  int                     // characters of a piece; 0: 16
	least    int64                   // how often a piece of several characters occurs in the text; 0: twice
	shrink   float64                 // of the pieces stay in each round; 0: 0.75
	rounds   int                     // of expectation and maximization between two prunings; 0: 2
}

// wordCount is a word of the text and how often it occurs.
type wordCount struct {
	word  string
	count int64
}

// unigramTrainer holds the pieces in the making. Pieces are sorted by their bytes.
type unigramTrainer struct {
	unigramTraining
	words  []wordCount // sorted; only characters that are pieces
	pieces []string
	scores []float64 // by piece; -Inf: dropped since the trie was made
	must   []bool    // by piece: characters
	trie   *trie
	scale  float64 // keeps products of probabilities near 1: about the words' score a byte, negated
}

// trainPieces finds pieces and their scores, the most probable one first. The result depends on the words alone: neither on their
// order nor on the number of threads.
func trainPieces(ctx context.Context, words []wordCount, cfg unigramTraining) ([]ScoredPiece, error) {
	cfg.seeds, cfg.longest = cmp.Or(cfg.seeds, 1_000_000), cmp.Or(cfg.longest, 16)
	cfg.shrink, cfg.rounds = cmp.Or(cfg.shrink, 0.75), cmp.Or(cfg.rounds, 2)
	t := &unigramTrainer{unigramTraining: cfg, scale: 1.5}
	cfg.least = cmp.Or(cfg.least, 2)
	chars := coveredChars(words, cfg)
	if len(chars) > cfg.size {
		return nil, &tooFewPieces{cfg.size, len(chars)}
	}
	t.words = cutAtHoles(words, chars)
	t.seed(chars)
	t.build()
	wanted := cfg.size * 11 / 10
	for {
		for range cfg.rounds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			t.maximize(t.expect())
		}
		if t.alive() <= wanted {
			break
		}
		t.prune(wanted)
	}
	return t.finish(), nil
}

// tooFewPieces is an error: the characters alone are more pieces than are wanted.
type tooFewPieces struct{ pieces, characters int }

func (e *tooFewPieces) Error() string {
	return fmt.Sprintf("%d pieces are fewer than the text's %d characters", e.pieces, e.characters)
}

// coveredChars counts the characters that become pieces: the most frequent ones up to a share of the text, and those required.
func coveredChars(words []wordCount, cfg unigramTraining) map[rune]int64 {
	all := map[rune]int64{}
	total := int64(0)
	for _, w := range words {
		for i, r := range w.word {
			if r == utf8.RuneError && w.word[i] != "\uFFFD"[0] {
				continue // a byte that is not UTF-8
			}
			all[r] += w.count
			total += w.count
		}
	}
	order := make([]rune, 0, len(all))
	for r := range all {
		order = append(order, r)
	}
	slices.SortFunc(order, func(a, b rune) int { return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a, b)) })
	out := map[rune]int64{}
	for _, r := range cfg.required {
		out[r] = max(all[r], 1)
	}
	covered := int64(0)
	for i, r := range order {
		if cfg.coverage > 0 && float64(covered) >= cfg.coverage*float64(total) || cfg.alphabet > 0 && i >= cfg.alphabet {
			break
		}
		covered += all[r]
		out[r] = all[r]
	}
	return out
}

// maxTrainWord bounds the words that training looks at whole, in bytes.
const maxTrainWord = 4096

// cutAtHoles cuts words at all that is not one of chars, adds up equal parts and sorts them.
func cutAtHoles(words []wordCount, chars map[rune]int64) []wordCount {
	parts := map[string]int64{}
	for _, w := range words {
		begin := 0
		for i := 0; i < len(w.word); {
			r, n := utf8.DecodeRuneInString(w.word[i:])
			_, known := chars[r]
			known = known && (r != utf8.RuneError || n > 1)
			if !known || i+n-begin > maxTrainWord {
				if begin < i {
					parts[w.word[begin:i]] += w.count
				}
				begin = i
			}
			i += n
			if !known {
				begin = i
			}
		}
		if begin < len(w.word) {
			parts[w.word[begin:]] += w.count
		}
	}
	out := make([]wordCount, 0, len(parts))
	for word, count := range parts {
		out = append(out, wordCount{word, count})
	}
	slices.SortFunc(out, func(a, b wordCount) int { return cmp.Compare(a.word, b.word) })
	return out
}

// seed makes the first pieces: all characters, and the substrings that cover most of the text.
func (t *unigramTrainer) seed(chars map[rune]int64) {
	alphabet := make([]rune, 0, len(chars))
	for r := range chars {
		alphabet = append(alphabet, r)
	}
	slices.Sort(alphabet)
	symbols := make(map[rune]int32, len(alphabet))
	for i, r := range alphabet {
		symbols[r] = int32(i + 1)
	}
	var text []int32
	var ends []int // of each word in text, its zero included
	for _, w := range t.words {
		for _, r := range w.word {
			text = append(text, symbols[r])
		}
		text = append(text, 0)
		ends = append(ends, len(text))
	}
	wordOf := make([]int32, len(text))
	for i, begin := 0, 0; i < len(ends); i++ {
		for j := begin; j < ends[i]; j++ {
			wordOf[j] = int32(i)
		}
		begin = ends[i]
	}
	found := substrings(text, func(at int32) int64 { return t.words[wordOf[at]].count }, t.longest)
	spelled := func(s substring) string {
		piece := make([]rune, s.length)
		for i, symbol := range text[s.at : s.at+s.length] {
			piece[i] = alphabet[symbol-1]
		}
		return string(piece)
	}
	found = slices.DeleteFunc(found, func(s substring) bool {
		return s.count < t.least || t.refuse != nil && t.refuse(spelled(s))
	})
	slices.SortStableFunc(found, func(a, b substring) int {
		return cmp.Compare(b.count*int64(b.length), a.count*int64(a.length))
	})
	found = found[:min(len(found), max(t.seeds-len(alphabet), 0))]

	type seed struct {
		piece string
		score float64
		must  bool
	}
	all := make([]seed, 0, len(alphabet)+len(found))
	total := 0.0
	for _, r := range alphabet {
		all = append(all, seed{string(r), float64(chars[r]), true})
		total += float64(chars[r])
	}
	for _, s := range found {
		score := float64(s.count) * float64(s.length)
		all = append(all, seed{spelled(s), score, false})
		total += score
	}
	slices.SortFunc(all, func(a, b seed) int { return cmp.Compare(a.piece, b.piece) })
	for _, s := range all {
		t.pieces = append(t.pieces, s.piece)
		t.scores = append(t.scores, math.Log(s.score)-math.Log(total))
		t.must = append(t.must, s.must)
	}
}

// build makes the trie of the pieces.
func (t *unigramTrainer) build() {
	ids := make([]int32, len(t.pieces))
	for i := range ids {
		ids[i] = int32(i)
	}
	t.trie = newTrie(t.pieces, ids)
}

// alive counts the pieces that have not been dropped.
func (t *unigramTrainer) alive() int {
	n := 0
	for _, s := range t.scores {
		if !math.IsInf(s, -1) {
			n++
		}
	}
	return n
}

// trainChunks is into how many parts words are cut for threads. It is fixed, so that sums are added up in the same order everywhere.
const trainChunks = 16

// chunks calls fn for each part of the words, in parallel.
func (t *unigramTrainer) chunks(fn func(chunk int, words []wordCount)) {
	var wait sync.WaitGroup
	gate := make(chan struct{}, runtime.GOMAXPROCS(0))
	for c := range trainChunks {
		words := t.words[len(t.words)*c/trainChunks : len(t.words)*(c+1)/trainChunks]
		wait.Add(1)
		gate <- struct{}{}
		go func() {
			defer wait.Done()
			fn(c, words)
			<-gate
		}()
	}
	wait.Wait()
}

// expect is the expectation step: how often each piece is used if all cuts of all words are taken with their probabilities.
func (t *unigramTrainer) expect() []float64 {
	probs := make([]float64, len(t.pieces)) // scaled by exp(scale) a byte
	for i, s := range t.scores {
		probs[i] = math.Exp(s + t.scale*float64(len(t.pieces[i])))
	}
	var parts [trainChunks][]float64
	var scores, bytes [trainChunks]float64
	t.chunks(func(c int, words []wordCount) {
		parts[c] = make([]float64, len(t.pieces))
		l := trainLattice{t: t, probs: probs}
		for _, w := range words {
			scores[c] += float64(w.count) * l.expect(w.word, float64(w.count), parts[c])
			bytes[c] += float64(w.count) * float64(len(w.word))
		}
	})
	score, size := 0.0, 0.0
	for c := range trainChunks {
		score += scores[c]
		size += bytes[c]
		if c > 0 {
			for i, x := range parts[c] {
				parts[0][i] += x
			}
		}
	}
	if size > 0 {
		t.scale = -score / size
	}
	return parts[0]
}

// maximize is the maximization step. Digamma instead of the logarithm favours pieces that are used often (a Dirichlet process' prior);
// pieces used less than half a time are dropped, but for characters.
func (t *unigramTrainer) maximize(expected []float64) {
	const least = 0.5
	total := 0.0
	for i, x := range expected {
		if t.must[i] {
			expected[i] = max(x, least)
		} else if x < least {
			expected[i] = 0
		}
		total += expected[i]
	}
	logTotal := digamma(total)
	for i, x := range expected {
		t.scores[i] = math.Inf(-1)
		if x > 0 {
			t.scores[i] = digamma(x) - logTotal
		}
	}
}

// digamma is the derivative of log gamma, for x > 0: the recurrence up to 10, then the asymptotic series (Abramowitz and Stegun,
// 6.3.5 and 6.3.18).
func digamma(x float64) float64 {
	y := 0.0
	for ; x < 10; x++ {
		y -= 1 / x
	}
	z := 1 / (x * x)
	return y + math.Log(x) - 1/(2*x) - z*(1./12-z*(1./120-z*(1./252-z*(1./240-z*(1./132)))))
}

// prune drops the pieces whose loss costs the text's likelihood least: if a piece goes, the pieces of its best cut take its place.
func (t *unigramTrainer) prune(wanted int) {
	var parts [trainChunks][]int64
	t.chunks(func(c int, words []wordCount) {
		parts[c] = make([]int64, len(t.pieces))
		l := trainLattice{t: t}
		for _, w := range words {
			for _, id := range l.best(w.word, false) {
				parts[c][id] += w.count
			}
		}
	})
	used := parts[0]
	total := 0.0
	for i := range used {
		for c := 1; c < trainChunks; c++ {
			used[i] += parts[c][i]
		}
		total += float64(used[i])
	}
	keep := slices.Clone(t.must)
	kept := 0
	for _, k := range keep {
		if k {
			kept++
		}
	}
	type candidate struct {
		id   int
		loss float64
	}
	var candidates []candidate
	l := trainLattice{t: t}
	for i, piece := range t.pieces {
		if keep[i] || used[i] == 0 {
			continue
		}
		parts := l.best(piece, true)
		score := 0.0
		for _, id := range parts {
			score += t.scores[id]
		}
		if score >= t.scores[i] {
			continue // the piece is never worth it
		}
		freq := float64(used[i])
		logTotal := math.Log(total + freq*float64(len(parts)-1))
		without := 0.0
		for _, id := range parts {
			without += math.Log(float64(used[id])+freq) - logTotal
		}
		candidates = append(candidates, candidate{i, freq * (math.Log(freq) - math.Log(total) - without)})
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(b.loss, a.loss) })
	room := max(wanted, int(t.shrink*float64(t.alive()))) - kept
	for _, c := range candidates[:min(len(candidates), max(room, 0))] {
		keep[c.id] = true
	}
	n := 0
	for i, k := range keep {
		if k {
			t.pieces[n], t.scores[n], t.must[n] = t.pieces[i], t.scores[i], t.must[i]
			n++
		}
	}
	t.pieces, t.scores, t.must = t.pieces[:n], t.scores[:n], t.must[:n]
	t.build()
}

// finish answers the characters and the most probable other pieces, as many as are wanted.
func (t *unigramTrainer) finish() []ScoredPiece {
	order := make([]int, 0, len(t.pieces))
	for i, s := range t.scores {
		if !math.IsInf(s, -1) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		if t.must[a] != t.must[b] {
			if t.must[a] {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(t.scores[b], t.scores[a]), cmp.Compare(a, b))
	})
	order = order[:min(len(order), t.size)]
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(t.scores[b], t.scores[a]), cmp.Compare(a, b)) })
	out := make([]ScoredPiece, len(order))
	for i, id := range order {
		out[i] = ScoredPiece{t.pieces[id], t.scores[id]}
	}
	return out
}
