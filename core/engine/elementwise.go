package engine

import (
	"math"
	"strings"

	"github.com/archlab/archlab/core/kernel"
)

// unary holds Gorgonia's elementwise functions by the name that they print. Gorgonia names them by the Go function, so
// that both spellings appear.
var unary = map[string]func(float64) float64{
	"abs":  math.Abs,
	"sign": sign,
	"ceil": math.Ceil, "floor": math.Floor,
	"sin": math.Sin, "cos": math.Cos, "exp": math.Exp, "ln": math.Log, "log2": math.Log2,
	"neg":     func(x float64) float64 { return -x },
	"square":  func(x float64) float64 { return x * x },
	"sqrt":    math.Sqrt,
	"inv":     func(x float64) float64 { return 1 / x },
	"invSqrt": func(x float64) float64 { return 1 / math.Sqrt(x) },
	"cube":    func(x float64) float64 { return x * x * x },
	"tanh":    math.Tanh,
	"sigmoid": func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"log1p":   math.Log1p, "expm1": math.Expm1,
	"softplus": func(x float64) float64 {
		return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	},
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func unaryKernel(form string, b Binding) Kernel {
	f := unary[form]
	if f == nil {
		return nil
	}
	in, out := b.In[0].F32, b.Out.F32
	return func(r *Run) {
		for i, x := range in {
			out[i] = float32(f(float64(x)))
		}
		r.FLOPs += float64(len(out))
	}
}

// binary holds Gorgonia's arithmetic and, with numbers as their result, its comparisons.
var binary = map[string]func(x, y float32) float32{
	"+": func(x, y float32) float32 { return x + y },
	"-": func(x, y float32) float32 { return x - y },
	"⊙": func(x, y float32) float32 { return x * y },
	"÷": func(x, y float32) float32 { return x / y },
	"^": func(x, y float32) float32 { return float32(math.Pow(float64(x), float64(y))) },

	"<":  func(x, y float32) float32 { return truth(x < y) },
	">":  func(x, y float32) float32 { return truth(x > y) },
	"<=": func(x, y float32) float32 { return truth(x <= y) },
	">=": func(x, y float32) float32 { return truth(x >= y) },
	"==": func(x, y float32) float32 { return truth(x == y) },
	"!=": func(x, y float32) float32 { return truth(x != y) },
}

func truth(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

// binaryKernel is "+ false" and the like, of arrays of one shape or of an array and a scalar.
func binaryKernel(form string, b Binding) Kernel {
	name, _, _ := strings.Cut(form, " ")
	f := binary[name]
	x, y, out := b.In[0].F32, b.In[1].F32, b.Out.F32
	n := len(out)
	if f == nil || len(x) != n && len(x) != 1 || len(y) != n && len(y) != 1 {
		return nil
	}
	switch {
	case name == "+" && len(x) == n && len(y) == n:
		return func(r *Run) { kernel.Add(b.Pool, out, x, y); r.FLOPs += float64(n) }
	case name == "⊙" && len(x) == n && len(y) == n:
		return func(r *Run) { kernel.Mul(b.Pool, out, x, y); r.FLOPs += float64(n) }
	case len(x) == n && len(y) == n:
		return func(r *Run) {
			for i := range out {
				out[i] = f(x[i], y[i])
			}
			r.FLOPs += float64(n)
		}
	case len(x) == n:
		return func(r *Run) {
			s := y[0]
			for i := range out {
				out[i] = f(x[i], s)
			}
			r.FLOPs += float64(n)
		}
	}
	return func(r *Run) {
		s := x[0]
		for i := range out {
			out[i] = f(s, y[i])
		}
		r.FLOPs += float64(n)
	}
}
