package task

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
)

// A solver answers, from the tokens and the parameters alone, what is asked where. Solvers are written apart from the generators: they
// read a sequence as a person would. nil says that the tokens break the task's rules.
var solvers = map[string]func(v Values, tokens []int32) map[int]int32{
	"mqar":               solveMQAR,
	"induction":          solveInduction,
	"selective_copy":     solveSelectiveCopy,
	"in_context_recall":  func(v Values, x []int32) map[int]int32 { return solveRecall(x, v.int("vocab")) },
	"noisy_recall":       func(v Values, x []int32) map[int]int32 { return solveRecall(x, v.int("vocab")-v.int("noise_vocab")) },
	"fuzzy_recall":       solveFuzzy,
	"mad_selective_copy": solveMADCopy,
	"compression":        solveCompression,
	"memorization":       solveMemorization,
	"parity":             solveParity,
	"modular_arithmetic": solveModular,
	"dyck":               solveDyck,
	"reverse":            func(v Values, x []int32) map[int]int32 { return solveString(v, x, false) },
	"sort":               func(v Values, x []int32) map[int]int32 { return solveString(v, x, true) },
	"addition":           solveAddition,
	"polynomial":         solvePolynomial,
	"needle":             solveNeedle,
	"names":              solveNames,
}

func TestSolversAgree(t *testing.T) {
	for _, kind := range Names() {
		for _, preset := range Presets {
			t.Run(kind+"/"+preset, func(t *testing.T) {
				task := open(t, Config{Kind: kind, Preset: preset})
				v := task.Info().Parameters
				for _, split := range everySplit {
					for i := range min(150, max(5, 30_000/task.Length())) {
						e := task.Example(split, 11, i)
						got := solvers[kind](v, e.Tokens)
						if got == nil {
							t.Fatalf("%s %d breaks the rules: %v", split, i, e.Tokens)
						}
						asked := 0
						for at, w := range e.Weights {
							answer, known := got[at]
							dense := split == data.Train && v["all_tokens"] != 0 && at+1 < len(e.Tokens)
							switch {
							case w == 0 && known && (kind != "mqar" || v["blank"] != 0): // random filling looks like queries
								t.Fatalf("%s %d: nothing is asked at %d, where the answer is %d: %v", split, i, at, answer, e.Tokens)
							case w == 0:
							case dense && e.Targets[at] != e.Tokens[at+1], !dense && !known, known && answer != e.Targets[at]:
								t.Fatalf("%s %d at %d: the generator wants %d, the solver %d (%v): %v", split, i, at, e.Targets[at], answer, known, e.Tokens)
							default:
								asked++
							}
						}
						if asked == 0 {
							t.Fatalf("%s %d asks nothing", split, i)
						}
					}
				}
			})
		}
	}
}

func solveMQAR(v Values, tokens []int32) map[int]int32 {
	n, value, out := v.int("pairs"), map[int32]int32{}, map[int]int32{}
	for i := range n {
		value[tokens[2*i]] = tokens[2*i+1]
	}
	for i := 2 * n; i < len(tokens); i++ {
		if x, ok := value[tokens[i]]; ok {
			out[i] = x
		}
	}
	if len(value) != n {
		return nil
	}
	return out
}

func solveInduction(v Values, tokens []int32) map[int]int32 {
	last, special := len(tokens)-1, int32(v.int("vocab")-1)
	at := slices.Index(tokens, special)
	if at >= last || tokens[last] != special {
		return nil
	}
	return map[int]int32{last: tokens[at+1]}
}

func solveSelectiveCopy(v Values, tokens []int32) map[int]int32 {
	T, out := v.int("length"), map[int]int32{}
	for _, x := range tokens[:T] {
		if x != 0 {
			out[T+len(out)] = x
		}
	}
	for _, x := range tokens[T:] {
		if x != int32(v.int("vocab")-1) {
			return nil
		}
	}
	return out
}

func solveMADCopy(v Values, tokens []int32) map[int]int32 {
	blank, out := int32(v.int("vocab")-2), map[int]int32{}
	mark := slices.Index(tokens, blank+1)
	if mark < 0 {
		return nil
	}
	for _, x := range tokens[:mark] {
		if x != blank {
			out[mark+1+len(out)] = x
		}
	}
	for _, x := range tokens[mark+1:] {
		if x != blank {
			return nil
		}
	}
	if len(out) != v.int("memorize") {
		return nil
	}
	return out
}

func solveCompression(v Values, tokens []int32) map[int]int32 {
	n, out := v.int("length")-1, map[int]int32{}
	for i, x := range tokens[:n] {
		out[n+i] = x
	}
	return out
}

// solveRecall reads pairs; ids from plain on are noise.
func solveRecall(tokens []int32, plain int) map[int]int32 {
	value, out := map[int32]int32{}, map[int]int32{}
	for i := 0; i < len(tokens); i += 2 {
		k := tokens[i]
		if int(k) >= plain {
			continue
		}
		if int(k) >= plain/2 {
			return nil
		}
		if x, ok := value[k]; ok {
			out[i] = x
		}
		if i+1 < len(tokens) {
			if x, ok := value[k]; ok && x != tokens[i+1] {
				return nil
			}
			value[k] = tokens[i+1]
		}
	}
	return out
}

// solveFuzzy reads runs: a key is a run of lower ids, a value one of upper ids.
func solveFuzzy(v Values, tokens []int32) map[int]int32 {
	fill := int32(v.int("vocab") - 1)
	keys := fill / 2
	at := 0
	for at < len(tokens) && tokens[at] == fill {
		at++
	}
	known, out := map[string][]int32{}, map[int]int32{}
	for at < len(tokens) {
		from := at
		for at < len(tokens) && tokens[at] < keys {
			at++
		}
		key, begin := spell(tokens[from:at]), at
		for at < len(tokens) && tokens[at] >= keys {
			at++
		}
		value := tokens[begin:at]
		old, again := known[key]
		switch {
		case !again && at == len(tokens):
			return nil // the last key has to be known
		case !again:
			known[key] = value
		default:
			// The sequence's last value lacks its last token.
			if at < len(tokens) && !slices.Equal(old, value) {
				return nil
			}
			for i, x := range old {
				out[begin-1+i] = x
			}
		}
	}
	return out
}

func solveMemorization(v Values, tokens []int32) map[int]int32 {
	keys, out := (v.int("vocab")-1)/2, map[int]int32{}
	map_, ok := memorized[v.int("vocab")]
	if !ok {
		// The map is told by no sequence: learn it from many, as a model has to.
		map_ = map[int32]int32{}
		task, err := Open(Config{Kind: "memorization", Set: Values{"vocab": v["vocab"]}})
		if err != nil {
			return nil
		}
		for i := range 400 {
			e := task.Example(data.Train, 99, i)
			for at := 1; at < len(e.Tokens); at += 2 {
				k := e.Tokens[at-1]
				if x, ok := map_[k]; ok && x != e.Targets[at] {
					return nil
				}
				map_[k] = e.Targets[at]
			}
		}
		values := map[int32]bool{}
		for _, x := range map_ {
			values[x] = true
		}
		if len(map_) != keys || len(values) != keys {
			return nil
		}
		memorized[v.int("vocab")] = map_
	}
	for at := 1; at < len(tokens); at += 2 {
		out[at] = map_[tokens[at-1]]
	}
	return out
}

var memorized = map[int]map[int32]int32{}

func solveParity(v Values, tokens []int32) map[int]int32 {
	n := slices.Index(tokens, 2)
	if n < v.int("min_length") || n > v.int("length") {
		return nil
	}
	out := map[int]int32{n: int32(bytes.Count(ids(tokens[:n]), []byte{1}) % 2)}
	for i := range n {
		if v["every"] != 0 {
			out[i] = int32(bytes.Count(ids(tokens[:i+1]), []byte{1}) % 2)
		}
	}
	return out
}

func ids(tokens []int32) []byte {
	out := make([]byte, len(tokens))
	for i, x := range tokens {
		out[i] = byte(x)
	}
	return out
}

// solveModular splits at sums first, then at products, and takes the remainder at the very end of each.
func solveModular(v Values, tokens []int32) map[int]int32 {
	m := v.int("modulus")
	n := slices.Index(tokens, int32(m+3))
	if n%2 != 1 {
		return nil
	}
	total := 0
	for from := 0; from < n; {
		to := from + 1
		for to < n && tokens[to] == int32(m+2) {
			to += 2
		}
		term := 1
		for i := from; i < to; i += 2 {
			term = term * int(tokens[i]) % m
		}
		if from > 0 && tokens[from-1] == int32(m+1) {
			term = -term
		}
		total += term
		from = to + 1
	}
	return map[int]int32{n: int32((total%m + m) % m)}
}

// solveDyck deletes matching neighbours until only openings are left.
func solveDyck(v Values, tokens []int32) map[int]int32 {
	k := int32(v.int("types"))
	n := slices.Index(tokens, 2*k)
	left := slices.Clone(tokens[:n])
	for i := 0; i+1 < len(left); {
		if left[i] < k && left[i+1] == left[i]+k {
			left = slices.Delete(left, i, i+2)
			i = max(0, i-1)
			continue
		}
		i++
	}
	if len(left) > v.int("depth") || slices.ContainsFunc(left, func(x int32) bool { return x >= k }) {
		return nil
	}
	out := map[int]int32{n + len(left): 2*k + 1}
	for i, x := range left {
		out[n+len(left)-1-i] = x + k
	}
	return out
}

func solveString(v Values, tokens []int32, sorted bool) map[int]int32 {
	S := v.int("symbols")
	n := slices.Index(tokens, int32(S))
	out := map[int]int32{}
	if !sorted {
		for i := range n {
			out[n+i] = tokens[n-1-i]
		}
		return out
	}
	at := n
	for x := range int32(S) {
		for _, y := range tokens[:n] {
			if x == y {
				out[at] = x
				at++
			}
		}
	}
	return out
}

// text is an example as bytes, to the first EOD after its beginning.
func text(tokens []int32) string {
	end := slices.Index(tokens[1:], data.Bytes{}.EOD())
	if end < 0 {
		end = len(tokens) - 1
	}
	return string(data.Bytes{}.Decode(nil, tokens[1:1+end]))
}

// spelled asks for a completion after a prompt, and for EOD.
func spelled(prompt, completion string) map[int]int32 {
	out := map[int]int32{len(prompt) + len(completion): data.Bytes{}.EOD()}
	for i := range completion {
		out[len(prompt)+i] = int32(data.Bytes{}.Encode(nil, []byte{completion[i]})[0])
	}
	return out
}

func solveAddition(v Values, tokens []int32) map[int]int32 {
	prompt, _, ok := strings.Cut(text(tokens), "=")
	a, b, plus := strings.Cut(prompt, "+")
	x, okX := new(big.Int).SetString(a, 10)
	y, okY := new(big.Int).SetString(b, 10)
	if !ok || !plus || !okX || !okY {
		return nil
	}
	answer := new(big.Int).Add(x, y).String()
	if v["reversed"] != 0 {
		forward := answer
		answer = ""
		for _, c := range forward {
			answer = string(c) + answer
		}
	}
	if v["work"] != 0 {
		var columns []string
		var carry int64
		lowest := func(n *big.Int) int64 {
			digit := new(big.Int)
			n.QuoRem(n, big.NewInt(10), digit)
			return digit.Int64()
		}
		for range max(len(a), len(b)) {
			i, k := lowest(x), lowest(y)
			columns = append(columns, fmt.Sprintf("%d+%d+%d=%02d", i, k, carry, i+k+carry))
			carry = (i + k + carry) / 10
		}
		answer = strings.Join(columns, ",") + ":" + answer
	}
	return spelled(prompt+"=", answer)
}

// solvePolynomial evaluates by plain polynomials of growing degree over the integers modulo p, cut only at the end: the ring's operations
// are those of F_p[X] modulo X^degree.
func solvePolynomial(v Values, tokens []int32) map[int]int32 {
	p, D := v.int("modulus"), v.int("degree")
	n := slices.Index(tokens, int32(p+4))
	at := 0
	times := func(a, b []int) []int {
		out := make([]int, len(a)+len(b)-1)
		for i, x := range a {
			for j, y := range b {
				out[i+j] = (out[i+j] + x*y) % p
			}
		}
		return out[:min(len(out), 4*D)] // more than enough of it
	}
	var value func() []int
	value = func() []int {
		op := int(tokens[at])
		if op < p {
			out := make([]int, D)
			for i := range out {
				out[i] = int(tokens[at+i])
			}
			at += D
			return out
		}
		at++
		a := value()
		if op == p {
			for i := range a {
				a[i] = (p - a[i]) % p
			}
			return a
		}
		b := value()
		out := make([]int, D)
		switch op {
		case p + 1:
			for i := range out {
				out[i] = (a[i] + b[i]) % p
			}
		case p + 2:
			copy(out, times(a, b))
		default:
			power := []int{1}
			for _, c := range a {
				for i := range min(D, len(power)) {
					out[i] = (out[i] + c*power[i]) % p
				}
				power = times(power, b)
			}
		}
		return out
	}
	result := value()
	if at != n {
		return nil
	}
	out := map[int]int32{}
	for i, c := range result {
		out[n+i] = int32(c)
	}
	return out
}

func solveNeedle(v Values, tokens []int32) map[int]int32 {
	whole := text(tokens)
	cut := strings.LastIndex(whole, "The pass key is")
	prompt := whole[:cut+len("The pass key is")]
	_, rest, ok := strings.Cut(prompt, "The pass key is ")
	key, _, _ := strings.Cut(rest, ".")
	if !ok || strings.Count(prompt, key+" is the pass key.") != 1 {
		return nil
	}
	return spelled(prompt, " "+key)
}
