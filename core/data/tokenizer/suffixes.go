package tokenizer

import (
	"cmp"
	"slices"
)

// substring is a run of symbols that occurs in the words.
type substring struct {
	at, length int   // in symbols
	count      int64 // over all words
}

// substrings lists the runs of 2 to most symbols that occur at least twice in the words and can't be made longer to the right without
// occurring less often: the inner nodes of the words' suffix tree, and its leaves that have a count of their own. text holds the words'
// symbols (from 1 on), each word ended by a 0; counts says how often the word of each symbol occurs.
func substrings(text []int32, counts func(at int32) int64, most int) []substring {
	suffixes := make([]int32, 0, len(text))
	for i, s := range text {
		if s != 0 {
			suffixes = append(suffixes, int32(i))
		}
	}
	sortSuffixes(text, suffixes, 0, most)
	var out, open []substring // open: the nodes above the current leaf, from the root down
	// close ends the nodes deeper than depth; what they have counted goes to the node at depth.
	closeDown := func(depth int) {
		below := substring{}
		for len(open) > 0 && open[len(open)-1].length > depth {
			node := open[len(open)-1]
			open = open[:len(open)-1]
			node.count += below.count
			if node.length >= 2 && node.count >= 2 {
				out = append(out, node)
			}
			below = node
		}
		switch {
		case below.count == 0 || depth == 0:
		case len(open) > 0 && open[len(open)-1].length == depth:
			open[len(open)-1].count += below.count
		default:
			open = append(open, substring{below.at, depth, below.count})
		}
	}
	for i, at := range suffixes {
		shared := 0
		if i > 0 {
			shared = common(text, int(suffixes[i-1]), int(at), most)
		}
		closeDown(shared)
		length := shared
		for length < most && text[int(at)+length] != 0 {
			length++
		}
		if length > shared {
			open = append(open, substring{int(at), length, counts(at)})
		} else if shared > 0 {
			open[len(open)-1].count += counts(at)
		}
	}
	closeDown(0)
	return out
}

// common is the length of what two suffixes begin with, up to the end of their words.
func common(text []int32, a, b, most int) int {
	n := 0
	for n < most && text[a+n] != 0 && text[a+n] == text[b+n] {
		n++
	}
	return n
}

// sortSuffixes sorts suffixes that share their first depth symbols by what follows, up to the end of a word or to most symbols:
// multikey quicksort (Bentley and Sedgewick 1997).
func sortSuffixes(text []int32, suffixes []int32, depth, most int) {
	for len(suffixes) > 1 && depth < most {
		if len(suffixes) <= 12 {
			slices.SortFunc(suffixes, func(a, b int32) int {
				for i := depth; i < most; i++ {
					x, y := text[int(a)+i], text[int(b)+i]
					if x != y {
						return cmp.Compare(x, y)
					}
					if x == 0 {
						break
					}
				}
				return cmp.Compare(a, b)
			})
			return
		}
		key := func(i int) int32 { return text[int(suffixes[i])+depth] }
		n := len(suffixes)
		pivot := middle(key(0), key(n/2), key(n-1))
		less, more := 0, n
		for i := 0; i < more; {
			switch k := key(i); {
			case k < pivot:
				suffixes[i], suffixes[less] = suffixes[less], suffixes[i]
				less++
				i++
			case k > pivot:
				more--
				suffixes[i], suffixes[more] = suffixes[more], suffixes[i]
			default:
				i++
			}
		}
		sortSuffixes(text, suffixes[:less], depth, most)
		sortSuffixes(text, suffixes[more:], depth, most)
		if pivot == 0 {
			return
		}
		suffixes = suffixes[less:more]
		depth++
	}
}

func middle(a, b, c int32) int32 { return max(min(a, b), min(max(a, b), c)) }
