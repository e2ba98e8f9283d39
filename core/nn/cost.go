package nn

// Every op counts its floating-point operations by the functions of this file, and families add up their analytic costs
// from the same functions, so that a card differs from a count only if it left an op out. Matrix products, convolutions
// and attention count exactly: a multiply-add is two, and attention counts the pairs of a query and a key that it may
// see. Elsewhere, where an operation may be an exponential or a sum, the counts are fixed figures by element.

// Operations by element.
const (
	normElement         = 4
	normBackwardElement = 9
	activationElement   = 8
	softmaxElement      = 6
	rotaryElement       = 3
)

// AttentionBackwardFLOPs is the ratio of attention's backward pass to its forward pass: five products over the pairs
// (scores again, dV, dP, dQ, dK) against two.
const AttentionBackwardFLOPs = 2.5

// LinearFLOPs counts m rows through a matrix [out,in]. The backward pass counts the same for dx and again for dw.
func LinearFLOPs(m, in, out int, bias bool) float64 {
	n := 2 * float64(m) * float64(in) * float64(out)
	if bias {
		n += float64(m) * float64(out)
	}
	return n
}

// NormFLOPs counts m rows of d through a norm.
func NormFLOPs(m, d int) float64 { return normElement * float64(m) * float64(d) }

// NormBackwardFLOPs counts the backward pass of NormFLOPs.
func NormBackwardFLOPs(m, d int) float64 { return normBackwardElement * float64(m) * float64(d) }

// ActivationFLOPs counts an activation of m rows of d. Its backward pass counts the same, that of a gate twice as much.
func ActivationFLOPs(m, d int) float64 { return activationElement * float64(m) * float64(d) }

// RotaryFLOPs counts the turning of d columns of m rows, forward or backward.
func RotaryFLOPs(m, d int) float64 { return rotaryElement * float64(m) * float64(d) }

// ConvFLOPs counts a depthwise convolution of width w over m rows of d, with its activation if it has one.
func ConvFLOPs(m, d, w int, silu bool) float64 {
	n := 2 * float64(m) * float64(d) * float64(w)
	if silu {
		n += ActivationFLOPs(m, d)
	}
	return n
}

// ConvBackwardFLOPs counts its backward pass: twice the convolution, and with an activation the forward pass once more.
func ConvBackwardFLOPs(m, d, w int, silu bool) float64 {
	n := 2 * ConvFLOPs(m, d, w, false)
	if silu {
		n += ConvFLOPs(m, d, w, true)
	}
	return n
}

// AttentionPairs counts the keys that n queries see, the first of them at position pos, each seeing itself and what
// comes before within the window (0: all).
func AttentionPairs(pos, n, window int) int {
	if window == 0 {
		return n*pos + n*(n+1)/2
	}
	// Queries at positions below window-1 see all before them.
	growing := min(n, max(0, window-1-pos))
	return growing*pos + growing*(growing+1)/2 + (n-growing)*window
}

// AttentionFLOPs counts the forward pass over pairs of a query and a key: two products of width k for each head, and
// the softmax.
func AttentionFLOPs(pairs, heads, k int) float64 {
	return float64(pairs) * float64(heads) * float64(4*k+softmaxElement)
}

// LossFLOPs counts the projection of m rows of d to v logits, and their softmax.
func LossFLOPs(m, d, v int) float64 {
	return LinearFLOPs(m, d, v, false) + softmaxElement*float64(m)*float64(v)
}

// LossBackwardFLOPs counts the two products of the loss's backward pass.
func LossBackwardFLOPs(m, d, v int) float64 { return 2 * LinearFLOPs(m, d, v, false) }

// Cost is what one token costs in sequences of T tokens. Families add up the costs of their pieces.
type Cost struct {
	Forward  float64 // averaged over the sequence
	Backward float64 // likewise
	Decode   float64 // forward of one more token after T tokens
	State    int     // float32s of decoding state of one sequence after T tokens
}

// Sum adds costs up.
func Sum(costs ...Cost) (s Cost) {
	for _, c := range costs {
		s.Forward += c.Forward
		s.Backward += c.Backward
		s.Decode += c.Decode
		s.State += c.State
	}
	return s
}

// Times is n of the same.
func (c Cost) Times(n int) Cost {
	f := float64(n)
	return Cost{Forward: c.Forward * f, Backward: c.Backward * f, Decode: c.Decode * f, State: c.State * n}
}

// CostRow is an op that costs every row the same.
func CostRow(forward, backward float64) Cost {
	return Cost{Forward: forward, Backward: backward, Decode: forward}
}

// CostLinear is Linear with its three backward products.
func CostLinear(in, out int, bias bool) Cost {
	c := CostRow(LinearFLOPs(1, in, out, bias), 2*LinearFLOPs(1, in, out, false))
	if bias {
		c.Backward += float64(out)
	}
	return c
}

// CostNorm is RMSNorm, LayerNorm or HeadNorm over d columns in all.
func CostNorm(d int) Cost { return CostRow(NormFLOPs(1, d), NormBackwardFLOPs(1, d)) }

// CostActivation is an activation of d columns.
func CostActivation(d int) Cost { return CostRow(ActivationFLOPs(1, d), ActivationFLOPs(1, d)) }

// CostGate is SwiGLU or GateSiLU with d output columns.
func CostGate(d int) Cost { return CostRow(ActivationFLOPs(1, d), 2*ActivationFLOPs(1, d)) }

// CostResidual is y = x + f(x): the sum, and that of the two gradients of x.
func CostResidual(d int) Cost { return CostRow(float64(d), float64(d)) }

// CostEmbedding is the addition of a row's gradient to its table's.
func CostEmbedding(d int) Cost { return CostRow(0, float64(d)) }

// CostConv is CausalConv, or CausalConvSiLU.
func CostConv(d, w int, silu bool) Cost {
	c := CostRow(ConvFLOPs(1, d, w, silu), ConvBackwardFLOPs(1, d, w, silu))
	c.State = (w - 1) * d
	return c
}

// CostAttention is Attention in sequences of t tokens.
func CostAttention(t int, a AttentionConfig) Cost {
	forward := AttentionFLOPs(AttentionPairs(0, t, a.Window), a.Heads, a.Width) / float64(t)
	held := t
	if a.Window > 0 {
		held = min(t, a.Window)
	}
	return Cost{
		Forward:  forward,
		Backward: AttentionBackwardFLOPs * forward,
		Decode:   AttentionFLOPs(AttentionPairs(t, 1, a.Window), a.Heads, a.Width),
		State:    2 * held * a.KVHeads * a.Width,
	}
}

// CostLoss is Loss when training, the projection and softmax of Score, and Logits while decoding.
func CostLoss(d, v int) Cost {
	return Cost{Forward: LossFLOPs(1, d, v), Backward: LossBackwardFLOPs(1, d, v), Decode: LinearFLOPs(1, d, v, false)}
}
