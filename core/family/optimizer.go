package family

// The optimizers of the contract. Every family has AdamW; which others it has its capabilities say.
const (
	AdamW = "adamw" // Loshchilov & Hutter 2019, algorithm 2
	Muon  = "muon"  // Jordan 2024; AdamW for what is no matrix between hidden columns
	Lion  = "lion"  // Chen et al. 2023, algorithm 2
	SGD   = "sgd"   // momentum with decoupled decay: Loshchilov & Hutter 2019, algorithm 1
)

// The scales of Muon's update of a matrix of r rows and c columns.
const (
	// MatchRMS is 0.2·sqrt(max(r,c)): an element moves as far as AdamW's do, so that both take one learning rate (Liu et
	// al. 2025, Moonlight, section 2.2).
	MatchRMS = "match_rms"
	// Spectral is sqrt(max(1,r/c)), of Jordan's own code: the learning rate is about the norm of the step as a map.
	Spectral = "spectral"
)

// OptimizerStep is what an optimizer needs for one step. An optimizer ignores what is not its own, but a value that makes no
// sense is refused whoever it belongs to.
//
// Decay is decoupled, multiplied by the learning rate (that of its AdamW, for what Muon leaves to it), and applied to matrices only: tensors with two or more axes that
// the family does not exempt. A step by another optimizer than the one before begins with moments of zero.
type OptimizerStep struct {
	Name         string // empty means AdamW
	LearningRate float64
	Beta1, Beta2 float64 // AdamW, Lion; Muon's AdamW
	Epsilon      float64 // AdamW; Muon's AdamW
	Momentum     float64 // Muon, SGD
	Nesterov     bool    // Muon, SGD: look ahead along the momentum
	Scale        string  // Muon: MatchRMS or Spectral; empty means MatchRMS
	AdamWRate    float64 // Muon: the learning rate of its AdamW as a multiple of LearningRate, not 0
	WeightDecay  float64
	Clip         float64 // largest global gradient norm; 0 means no clipping
}
