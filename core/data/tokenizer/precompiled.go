package tokenizer

// precompiled is SentencePiece's normalization by rules as the Rust tokenizers do it.
type precompiled struct{ charsmap []byte }

// newPrecompiled reads a precompiled_charsmap.
func newPrecompiled(charsmap []byte) (*precompiled, error) {
	return nil, errorf(ErrUnsupported, "", "normalizer Precompiled")
}

func (p *precompiled) normalize(t *text) {}

// raw is the charsmap as it was read.
func (p *precompiled) raw() []byte { return p.charsmap }
