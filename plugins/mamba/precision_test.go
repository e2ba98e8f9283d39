package mamba

import (
	"testing"

	"github.com/archlab/archlab/plugins/internal/familytest"
)

func TestPrecisions(t *testing.T) { familytest.Precisions(t, Family()) }

func TestPrecisionIsWithinSeedNoise(t *testing.T) {
	familytest.Noise(t, Family(), `{"width":32,"layers":2,"state":4}`)
}
