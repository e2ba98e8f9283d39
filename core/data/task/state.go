package task

import (
	"slices"

	"github.com/archlab/archlab/core/data/internal/rng"
)

const chomskySource = "Delétang et al. 2022, Neural Networks and the Chomsky Hierarchy (arXiv:2207.02098), "

// The publication trains on lengths drawn uniformly from 1 to 40 and tests each length up to 500, with fresh examples. lengthParams are these.
func lengthParams(cpu float64) []Param {
	return []Param{
		{Key: "min_length", Doc: "fewest tokens of an input; a test at a length has no others", Min: 1, Max: 1 << 19, Paper: 1, CPU: 1},
		{Key: "length", Doc: "most tokens of an input", Min: 1, Max: 1 << 19, Size: true, Paper: 40, CPU: cpu},
	}
}

var chomskyScale = upTo(500)

// drawLength draws a length in [min_length,length].
func drawLength(v Values, r *rng.Source) int {
	lo, hi := v.int("min_length"), v.int("length")
	return lo + r.Intn(hi-lo+1)
}

func checkLengths(v Values) error {
	if v["min_length"] > v["length"] {
		return configError("min_length", "got %d, want at most length %d", v.int("min_length"), v.int("length"))
	}
	return nil
}

// parityKind is the parity of a string of bits: whether its ones are odd.
//
//	1 0 1 1 =    answer: 1
//
// The ids are 0, 1, the question 2 and the filling 3 after it. With every the parity so far is asked at each bit as well, which is far easier to
// learn.
var parityKind = Kind{
	Name: "parity", Suite: "state", Summary: "parity of a string of bits: the smallest state tracking",
	Source: chomskySource + "parity check",
	Params: append(lengthParams(16), Param{Key: "every", Doc: "ask after each bit, not only at the end", Switch: true, CPU: 1}),
	Scale:  "length", Floor: "min_length", PaperScale: chomskyScale,
	open: func(v Values) (*design, error) {
		if err := checkLengths(v); err != nil {
			return nil, err
		}
		return &design{
			length: v.int("length") + 1, vocab: 4, answers: []int32{0, 1},
			draw: func(e *Example, r *rng.Source) uint64 {
				n, parity := drawLength(v, r), int32(0)
				for i := range e.Tokens {
					e.Tokens[i] = 3
				}
				for i := range n {
					bit := int32(r.Intn(2))
					e.Tokens[i] = bit
					parity ^= bit
					if v["every"] != 0 {
						e.score(i, parity)
					}
				}
				e.Tokens[n] = 2
				e.score(n, parity)
				return hashTokens(e.Tokens[:n])
			},
		}, nil
	},
}

// modularKind is arithmetic modulo m without brackets; products bind first.
//
//	2 + 3 * 4 - 1 =    answer modulo 5: 3
//
// The ids are the numbers below m, then + - *, the question = and the filling after it. Numbers and operators are uniform. Lengths are odd: an even
// one that is drawn is made one smaller, as published. A test at an even length would be the one below it under another name, and is refused.
var modularKind = Kind{
	Name: "modular_arithmetic", Suite: "state", Summary: "arithmetic modulo a small number, with + - * and no brackets",
	Source: chomskySource + "modular arithmetic (simple)",
	Params: append([]Param{{Key: "modulus", Doc: "the number to calculate modulo", Min: 2, Max: 1000, Size: true, Paper: 5, CPU: 5}}, lengthParams(9)...),
	Scale:  "length", Floor: "min_length", Odd: true, PaperScale: slices.DeleteFunc(upTo(500), func(n int) bool { return n%2 == 0 }),
	open: func(v Values) (*design, error) {
		if err := checkLengths(v); err != nil {
			return nil, err
		}
		if v.int("min_length")%2 == 0 {
			return nil, configError("min_length", "got %d, want an odd number: numbers and operators take turns", v.int("min_length"))
		}
		m := v.int("modulus")
		return &design{
			length: v.int("length") + 1, vocab: m + 5, answers: between(0, m),
			draw: func(e *Example, r *rng.Source) uint64 {
				n := drawLength(v, r)
				n -= 1 - n%2
				for i := range e.Tokens {
					e.Tokens[i] = int32(m + 4)
				}
				sum, product, sign := 0, r.Intn(m), 1
				e.Tokens[0] = int32(product)
				for i := 1; i < n; i += 2 {
					op, x := r.Intn(3), r.Intn(m)
					e.Tokens[i], e.Tokens[i+1] = int32(m+op), int32(x)
					if op == 2 {
						product = product * x % m
						continue
					}
					sum = (sum + sign*product + m) % m
					product, sign = x, 1-2*op
				}
				e.Tokens[n] = int32(m + 3)
				e.score(n, int32((sum+sign*product+m)%m))
				return hashTokens(e.Tokens[:n])
			},
		}, nil
	},
}

// reverseKind and sortKind write a string again, backwards or sorted:
//
//	a b c = c b a    asked: the three after =
//
// The symbols are uniform in [0,symbols), the question is symbols, the filling symbols+1. Answers are written, so that each is asked for with those
// before it.
var (
	reverseKind = stringKind("reverse", "reverse a string", "reverse string", 2, func(s []int32) { slices.Reverse(s) })
	sortKind    = stringKind("sort", "sort a string of symbols", "bucket sort", 5, func(s []int32) { slices.Sort(s) })
)

func stringKind(name, summary, published string, symbols float64, change func([]int32)) Kind {
	return Kind{
		Name: name, Suite: "strings", Summary: summary,
		Source:      chomskySource + published,
		Unpublished: "answers are fed back as a language model's own text is; the publication's models answer after the input without seeing them",
		Params:      append([]Param{{Key: "symbols", Doc: "different symbols", Min: 2, Max: 1e6, Size: true, Paper: symbols, CPU: symbols}}, lengthParams(12)...),
		Scale:       "length", Floor: "min_length", PaperScale: chomskyScale,
		open: func(v Values) (*design, error) {
			if err := checkLengths(v); err != nil {
				return nil, err
			}
			S, T := v.int("symbols"), v.int("length")
			return &design{
				length: 2 * T, vocab: S + 2, answers: between(0, S),
				draw: func(e *Example, r *rng.Source) uint64 {
					n := drawLength(v, r)
					for i := range e.Tokens {
						e.Tokens[i] = int32(S + 1)
					}
					text := e.Tokens[:n]
					for i := range text {
						text[i] = int32(r.Intn(S))
					}
					answer := slices.Clone(text)
					change(answer)
					e.Tokens[n] = int32(S)
					for i, x := range answer {
						e.score(n+i, x)
						if i+1 < n {
							e.Tokens[n+1+i] = x
						}
					}
					return hashTokens(e.Tokens[:n])
				},
			}, nil
		},
	}
}

// upTo lists 1 ... n.
func upTo(n int) (out []int) {
	for i := 1; i <= n; i++ {
		out = append(out, i)
	}
	return out
}
