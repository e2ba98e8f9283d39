package nn

// Every op counts its floating-point operations by the functions of this file, and families add up their analytic costs
// from the same functions. Matrix products, convolutions, scans and attention count exactly: a multiply-add is two, and
// attention counts the pairs of a query and a key that it may see. For the rest, where an operation is an
// exponential or a square root as soon as a sum, the counts are fixed figures by element; they are below one percent of any model
// of a useful size.

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

// ConvFLOPs counts a depthwise convolution of width w over m rows of d. The backward pass counts twice as much.
func ConvFLOPs(m, d, w int) float64 { return 2 * float64(m) * float64(d) * float64(w) }

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

// LossFLOPs counts the projection of m rows of d to v logits and their softmax. The backward pass counts LossBackwardFLOPs.
func LossFLOPs(m, d, v int) float64 {
	return LinearFLOPs(m, d, v, false) + softmaxElement*float64(m)*float64(v)
}

// LossBackwardFLOPs counts the two products of the loss's backward pass.
func LossBackwardFLOPs(m, d, v int) float64 { return 2 * LinearFLOPs(m, d, v, false) }
