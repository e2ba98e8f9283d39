package nn

import "github.com/archlab/archlab/core/kernel"

// selectiveForm is Mamba's scan.
type selectiveForm kernel.ScanDims

func (selectiveForm) name() string { return "selective_scan" }
func (f selectiveForm) state() int { return f.D * f.N }
func (f selectiveForm) saved(m, segments int) int {
	return kernel.SelectiveScanSaved(m, segments, kernel.ScanDims(f))
}

func (f selectiveForm) scratch(m, segments int) int {
	return kernel.SelectiveScanBackwardScratch(m, segments, kernel.ScanDims(f))
}

func (f selectiveForm) run(p *kernel.Pool, y []float32, in [][]float32, segs []kernel.Segment, states [][]float32, saved []float32, m int) {
	kernel.SelectiveScan(p, y, in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], segs, states, saved, m, kernel.ScanDims(f))
}

func (f selectiveForm) back(p *kernel.Pool, grads [][]float32, dy []float32, in [][]float32, segs []kernel.Segment, saved, scratch []float32, m int) {
	kernel.SelectiveScanBackward(p, grads[0], grads[1], grads[2], grads[3], grads[4], grads[5], grads[6], grads[7], dy,
		in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7], segs, saved, m, kernel.ScanDims(f), scratch)
}

func (f selectiveForm) cost(m int) (forward, backward float64) {
	return SelectiveScanFLOPs(m, f.D, f.N), SelectiveScanBackwardFLOPs(m, f.D, f.N)
}

// ssdForm is Mamba-2's.
type ssdForm kernel.SSDDims

func (ssdForm) name() string { return "ssd" }
func (f ssdForm) state() int { return f.H * f.P * f.N }

func (f ssdForm) saved(m, segments int) int {
	return kernel.SSDSaved(m, segments, kernel.SSDDims(f))
}

func (f ssdForm) scratch(m, segments int) int {
	return kernel.SSDBackwardScratch(m, segments, kernel.SSDDims(f))
}

func (f ssdForm) run(p *kernel.Pool, y []float32, in [][]float32, segs []kernel.Segment, states [][]float32, saved []float32, m int) {
	kernel.SSD(p, y, in[0], in[1], in[2], in[3], in[4], in[5], segs, states, saved, m, kernel.SSDDims(f))
}

func (f ssdForm) back(p *kernel.Pool, grads [][]float32, dy []float32, in [][]float32, segs []kernel.Segment, saved, scratch []float32, m int) {
	kernel.SSDBackward(p, grads[0], grads[1], grads[2], grads[3], grads[4], grads[5], dy,
		in[0], in[1], in[2], in[3], in[4], in[5], segs, saved, m, kernel.SSDDims(f), scratch)
}

func (f ssdForm) cost(m int) (forward, backward float64) {
	return SSDFLOPs(m, f.H*f.P, f.N), SSDBackwardFLOPs(m, f.H, f.P, f.G, f.N)
}

// SelectiveScanFLOPs counts SelectiveScan over m rows of d channels with n states: for each state its decay (2), update (3)
// and output (2), and for each channel the softplus and the gate.
func SelectiveScanFLOPs(m, d, n int) float64 {
	return float64(m)*float64(d)*float64(7*n+3) + 2*ActivationFLOPs(m, d)
}

// SelectiveScanBackwardFLOPs counts its backward pass: for each state the states and their output once more (7) and the products
// that the gradients add up (16), and for each channel the softplus again and the derivatives of both.
func SelectiveScanBackwardFLOPs(m, d, n int) float64 {
	return float64(m)*float64(d)*float64(23*n+12) + 4*ActivationFLOPs(m, d)
}

// SSDFLOPs counts SSD over m rows of d channels in all with n states: as SelectiveScanFLOPs, with one decay for all of a
// channel's states.
func SSDFLOPs(m, d, n int) float64 { return float64(m) * float64(d) * float64(5*n+4) }

// SSDBackwardFLOPs counts its backward pass, over heads of p channels in groups that share b and c: for each channel four products
// with the states and two with the steps of its chunk, for each head the weights of its chunk's pairs of steps, and for each
// group and part of its heads the three products of b and c. Chunks that a sequence leaves short count as full.
func SSDBackwardFLOPs(m, heads, p, groups, n int) float64 {
	q := kernel.SSDChunk
	dims := kernel.SSDDims{H: heads, P: p, G: groups, N: n}
	channel, head, part := 8*n+4*q+12, 12*q+8*n, 6*n*q
	return float64(m) * float64(heads*p*channel+heads*head+groups*dims.Parts()*part)
}
