package task

import (
	"github.com/archlab/archlab/core/data/internal/rng"
)

// polynomialKind is arithmetic in F7[X]/(X^5) with negation, addition, multiplication and composition (Gloeckle et al. 2024, section 4.2).
// The number of operations is uniform in [min_operations,operations], operators and coefficients are uniform. Expressions are written in
// prefix notation, polynomials as their coefficients from the lowest:
//
//   - c0 c1 c2 c3 c4 - d0 d1 d2 d3 d4 =    answer: the five coefficients of c(X) * -d(X)
//
// The ids are the coefficients 0 to 6, then - + * and composition, the question and the filling. Answers are written, so that a greedy
// sample is right exactly where every answer is the argmax. How the publication writes expressions and shapes their trees is not
// said: here the operations left after the root's go to its two sides by a uniform draw.
var polynomialKind = Kind{
	Name: "polynomial", Suite: "arithmetic", Summary: "polynomial arithmetic over F7: negation, sum, product and composition",
	Source:      "Gloeckle et al. 2024, Better & Faster Large Language Models via Multi-token Prediction (arXiv:2404.19737), section 4.2",
	Unpublished: "prefix notation and the trees' shapes are this project's; the publication does not say them",
	Examples:    unsaid,
	Params: []Param{
		{Key: "min_operations", Doc: "fewest operations; a test at a number of operations has no others", Min: 1, Max: 64, Paper: 1, CPU: 1},
		{Key: "operations", Doc: "most operations", Min: 1, Max: 64, Size: true, Paper: 5, CPU: 1},
		{Key: "degree", Doc: "coefficients of a polynomial: arithmetic is modulo X to this power", Min: 1, Max: 32, Size: true, Paper: 5, CPU: 2},
		{Key: "modulus", Doc: "the field's prime", Min: 2, Max: 97, Size: true, Paper: 7, CPU: 7},
	},
	Whole: true, Scale: "operations", Floor: "min_operations", PaperScale: upTo(20),
	open: openPolynomial,
}

func openPolynomial(v Values) (*design, error) {
	lo, hi, D, p := v.int("min_operations"), v.int("operations"), v.int("degree"), v.int("modulus")
	if lo > hi {
		return nil, configError("min_operations", "got %d, want at most operations %d", lo, hi)
	}
	for d := 2; d*d <= p; d++ {
		if p%d == 0 {
			return nil, configError("modulus", "got %d, want a prime", p)
		}
	}
	operands := (hi + 1) * D // where every operation has two sides
	ring := ring{degree: D, modulus: p}
	return &design{
		length: operands + hi + D, vocab: p + 6, answers: between(0, p),
		draw: func(e *Example, r *rng.Source) uint64 {
			for i := range e.Tokens {
				e.Tokens[i] = int32(p + 5)
			}
			text, value := ring.draw(nil, lo+r.Intn(hi-lo+1), r)
			copy(e.Tokens, text)
			at := len(text)
			e.Tokens[at] = int32(p + 4)
			for i, c := range value {
				e.score(at+i, int32(c))
				if i+1 < D {
					e.Tokens[at+1+i] = int32(c)
				}
			}
			return hashTokens(text)
		},
	}, nil
}

// ring is F_modulus[X]/(X^degree).
type ring struct{ degree, modulus int }

// The operators, after the coefficients.
const (
	negate = iota
	add
	multiply
	compose
)

// draw appends an expression of so many operations and answers it with its value.
func (f ring) draw(text []int32, operations int, r *rng.Source) ([]int32, []int) {
	if operations == 0 {
		value := make([]int, f.degree)
		for i := range value {
			value[i] = r.Intn(f.modulus)
			text = append(text, int32(value[i]))
		}
		return text, value
	}
	op := r.Intn(4)
	text = append(text, int32(f.modulus+op))
	if op == negate {
		text, a := f.draw(text, operations-1, r)
		for i := range a {
			a[i] = (f.modulus - a[i]) % f.modulus
		}
		return text, a
	}
	left := r.Intn(operations)
	text, a := f.draw(text, left, r)
	text, b := f.draw(text, operations-1-left, r)
	switch op {
	case add:
		return text, f.add(a, b)
	case multiply:
		return text, f.multiply(a, b)
	}
	return text, f.compose(a, b)
}

func (f ring) add(a, b []int) []int {
	out := make([]int, f.degree)
	for i := range out {
		out[i] = (a[i] + b[i]) % f.modulus
	}
	return out
}

func (f ring) multiply(a, b []int) []int {
	out := make([]int, f.degree)
	for i, x := range a {
		for j := range f.degree - i {
			out[i+j] = (out[i+j] + x*b[j]) % f.modulus
		}
	}
	return out
}

// compose is a(b(X)) by Horner's scheme.
func (f ring) compose(a, b []int) []int {
	out := make([]int, f.degree)
	for i := f.degree - 1; i >= 0; i-- {
		out = f.multiply(out, b)
		out[0] = (out[0] + a[i]) % f.modulus
	}
	return out
}
