package task

import (
	"github.com/archlab/archlab/core/data/internal/rng"
)

// dyckKind closes brackets: a beginning of a word of Dyck-(k,m), the well-nested brackets of k types at most m deep (Hewitt et al. 2020),
// has to be completed.
//
//	( [ ] ( [ =    answers: ] ) ) E
//
// An opening bracket of type i is i, its closing one k+i, the question = is 2k, the end E 2k+1 and the filling 2k+2. The beginning is a walk over
// depths: at depth 0 it opens, at depth m it closes, between them each with chance 1/2; types of what opens are uniform. Walks that end
// at depth 0 ask for the end alone. Lengths are uniform in [min_length,length]; the publication trains up to 180 brackets
// at m = 5 and tests 181 to 360. Closings are written, so that each is asked for with those before it.
var dyckKind = Kind{
	Name: "dyck", Suite: "state", Summary: "close the brackets of a Dyck-(k,m) word",
	Source:      "Hewitt et al. 2020, RNNs can generate bounded hierarchical languages with optimal memory (arXiv:2010.07515), Dyck-(k,m); completion as in BIG-bench's dyck_languages (Srivastava et al. 2022, arXiv:2206.04615)",
	Unpublished: "the publication scores closing brackets in whole words by their probability; here a beginning of a word is completed",
	Examples:    2_000_000,
	Params: []Param{
		{Key: "types", Doc: "types of brackets, k", Min: 1, Max: 1e5, Size: true, Paper: 8, CPU: 2},
		{Key: "depth", Doc: "deepest nesting, m", Min: 1, Max: 1e5, Size: true, Paper: 5, CPU: 4},
		{Key: "min_length", Doc: "fewest brackets before the question; a test at a length has no others", Min: 1, Max: 1 << 20, Paper: 1, CPU: 1},
		{Key: "length", Doc: "most brackets before the question", Min: 2, Max: 1 << 20, Size: true, Paper: 180, CPU: 24},
	},
	Whole: true, Scale: "length", Floor: "min_length", PaperScale: upTo(360),
	open: func(v Values) (*design, error) {
		if err := checkLengths(v); err != nil {
			return nil, err
		}
		k, m, longest := v.int("types"), v.int("depth"), v.int("length")
		end := int32(2*k + 1)
		return &design{
			length: longest + 1 + min(m, longest), vocab: 2*k + 3, answers: append(between(k, 2*k), end),
			draw: func(e *Example, r *rng.Source) uint64 {
				n := drawLength(v, r)
				for i := range e.Tokens {
					e.Tokens[i] = end + 1
				}
				var stack []int32
				for i := range n {
					if open := r.Intn(2) == 0; len(stack) == 0 || open && len(stack) < m {
						stack = append(stack, int32(r.Intn(k)))
						e.Tokens[i] = stack[len(stack)-1]
						continue
					}
					e.Tokens[i] = int32(k) + stack[len(stack)-1]
					stack = stack[:len(stack)-1]
				}
				hash := hashTokens(e.Tokens[:n])
				e.Tokens[n] = int32(2 * k)
				at := n
				for ; len(stack) > 0; at++ {
					closing := int32(k) + stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					e.score(at, closing)
					e.Tokens[at+1] = closing
				}
				e.score(at, end)
				return hash
			},
		}, nil
	},
}
