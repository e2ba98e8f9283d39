package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTrieFindsItsKeysAndNoOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabets := []string{"ab", "abcdefghijklmnopqrstuvwxyz", "\x00\x01\xfe\xff", "aé小🙂"}
	for _, n := range []int{0, 1, 7, 300, 5000} {
		ids := map[string]int32{}
		for range n {
			letters := []rune(alphabets[rng.IntN(len(alphabets))])
			var key strings.Builder
			for range 1 + rng.IntN(9) {
				key.WriteRune(letters[rng.IntN(len(letters))])
			}
			ids[key.String()] = int32(rng.IntN(1 << 30))
		}
		ids[""] = 7
		tr := trieOf(ids)
		delete(ids, "")
		for key, want := range ids {
			if size, got := tr.longest([]byte(key)); size != len(key) || got != want {
				t.Fatalf("%d keys: %q answers %d bytes, value %d, want %d", n, key, size, got, want)
			}
		}
		for key := range ids {
			text := []byte(key + key)
			text[rng.IntN(len(text))] ^= 1 << rng.IntN(8)
			want := 0
			for end := 1; end <= len(text); end++ {
				if _, ok := ids[string(text[:end])]; ok {
					want = end
				}
			}
			if got, _ := tr.longest(text); got != want {
				t.Fatalf("%d keys: %q begins with a key of %d bytes, want %d", n, text, got, want)
			}
		}
	}
}

func TestSubstringsAreThoseOfASuffixTree(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		var text []int32
		var counts []int64
		type occurrence struct {
			word []int32
			n    int64
		}
		var words []occurrence
		for range 1 + rng.IntN(8) {
			word := make([]int32, rng.IntN(12))
			n := int64(1 + rng.IntN(3))
			for i := range word {
				word[i] = int32(1 + rng.IntN(2+round%3))
			}
			words = append(words, occurrence{word, n})
			text = append(append(text, word...), 0)
			for range len(word) + 1 {
				counts = append(counts, n)
			}
		}
		const most = 6
		// By definition: a substring counts if it occurs twice and if no symbol follows all its occurrences.
		count, follows := map[string]int64{}, map[string]map[int32]bool{}
		for i, w := range words {
			for from := range w.word {
				for to := from + 1; to <= min(len(w.word), from+most); to++ {
					key := spell(w.word[from:to])
					count[key] += w.n
					if follows[key] == nil {
						follows[key] = map[int32]bool{}
					}
					if to < len(w.word) && to-from < most {
						follows[key][w.word[to]] = true
					} else {
						follows[key][int32(-1-i)] = true
						follows[key][-100] = true
					}
				}
			}
		}
		var want, got []string
		for key, n := range count {
			if len(key) >= 2 && n >= 2 && len(follows[key]) >= 2 {
				want = append(want, key)
			}
		}
		for _, s := range substrings(text, func(at int32) int64 { return counts[at] }, most) {
			key := spell(text[s.at : s.at+s.length])
			got = append(got, key)
			if s.count != count[key] {
				t.Fatalf("round %d: %q occurs %d times, want %d", round, key, s.count, count[key])
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: got %q, want %q", round, got, want)
		}
	}
}

func spell(symbols []int32) string {
	out := make([]byte, len(symbols))
	for i, s := range symbols {
		out[i] = 'a' + byte(s)
	}
	return string(out)
}
