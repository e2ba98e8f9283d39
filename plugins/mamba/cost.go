package mamba

import (
	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
)

// Costs adds up the pieces of Forward. Nothing in it depends on the length but the share that a token has in what is computed
// once a run.
func (m *mamba) Costs(t int) family.Cost {
	mixer := m.costMamba(t)
	if m.Variant == "mamba2" {
		mixer = m.costMamba2(t)
	}
	c := nn.Sum(
		nn.CostEmbedding(m.Width),
		nn.Sum(nn.CostNorm(m.Width), mixer, nn.CostResidual(m.Width)).Times(m.Layers),
		nn.CostNorm(m.Width),
		nn.CostLoss(m.Width, m.vocab),
	)
	return family.Cost{
		TrainFLOPs:   c.Forward + c.Backward,
		PrefillFLOPs: c.Forward,
		DecodeFLOPs:  c.Decode,
		StateBytes:   4 * int64(c.State),
	}
}

func (c Config) costMamba(t int) nn.Cost {
	d, inner, n, r := c.Width, c.inner(), c.State, c.StepRank
	common := nn.Sum(
		nn.CostLinear(d, inner, false).Times(2), costShared(d),
		nn.CostConv(inner, c.Conv, true),
		costDerived(t, nn.DecayFLOPs(inner*n), float64(inner*n)),
		nn.CostLinear(inner, d, false),
	)
	if !c.Selective {
		scan := nn.CostRow(nn.InvariantScanFLOPs(1, inner, n)-nn.InvariantScanFLOPs(0, inner, n),
			nn.InvariantScanBackwardFLOPs(1, inner, n)-nn.InvariantScanBackwardFLOPs(0, inner, n))
		scan.State = inner * n
		return nn.Sum(common, scan, nn.CostGate(inner),
			costOnce(t, nn.InvariantScanFLOPs(0, inner, n), nn.InvariantScanBackwardFLOPs(0, inner, n)),
			costDerived(t, nn.ActivationFLOPs(1, inner), nn.ActivationFLOPs(1, inner)))
	}
	scan := nn.CostRow(nn.SelectiveScanFLOPs(1, inner, n), nn.SelectiveScanBackwardFLOPs(1, inner, n))
	scan.State = inner * n
	return nn.Sum(common, scan,
		nn.CostLinear(inner, r+2*n, false),
		nn.CostLinear(r, inner, false),
		costShared(inner), // u feeds both the projection and the scan
	)
}

func (c Config) costMamba2(t int) nn.Cost {
	d, inner, heads, gn := c.Width, c.inner(), c.heads(), c.Groups*c.State
	scan := nn.CostRow(nn.SSDFLOPs(1, inner, c.State), nn.SSDBackwardFLOPs(1, heads, c.HeadWidth, c.Groups, c.State))
	scan.State = inner * c.State
	return nn.Sum(scan,
		nn.CostLinear(d, inner, false).Times(2), nn.CostLinear(d, 2*gn, false), costShared(d).Times(3),
		nn.CostConv(inner+2*gn, c.Conv, true),
		nn.CostLinear(d, heads, true), nn.CostActivation(heads),
		costDerived(t, nn.DecayFLOPs(heads), float64(heads)),
		nn.CostGate(inner), nn.CostNorm(inner), nn.CostLinear(inner, d, false),
	)
}

// costShared is the sum of two gradients of one value.
func costShared(d int) nn.Cost { return nn.CostRow(0, float64(d)) }

// costOnce is what a run computes once, of parameters only, for a sequence of t tokens or for one decoded token.
func costOnce(t int, forward, backward float64) nn.Cost {
	return nn.Cost{Forward: forward / float64(t), Backward: backward / float64(t), Decode: forward}
}

// costDerived is what is computed of parameters only, once a run in training; scoring and decoding keep it until the weights
// change.
func costDerived(t int, forward, backward float64) nn.Cost {
	return nn.Cost{Backward: (forward + backward) / float64(t)}
}
