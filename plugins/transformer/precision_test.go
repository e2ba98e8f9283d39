package transformer_test

import (
	"testing"

	"github.com/archlab/archlab/plugins/internal/familytest"
	"github.com/archlab/archlab/plugins/transformer"
)

func TestPrecisions(t *testing.T) { familytest.Precisions(t, transformer.Family()) }

func TestPrecisionIsWithinSeedNoise(t *testing.T) {
	familytest.Noise(t, transformer.Family(), `{"width":32,"layers":2,"heads":4}`)
}
