package conformance_test

import (
	"testing"

	"github.com/archlab/archlab/core/sdk/conformance"
	"github.com/archlab/archlab/core/wire"
)

// The wire only translates: what conforms on this side of it conforms on the other.
func TestHonestDoubleConformsOverTheWire(t *testing.T) {
	remote, stop := wire.InProcess(newTiny(honest))
	defer stop()
	conformance.Test(t, remote, conformance.Options{Configs: tinyConfigs[:2]})
}

// And what fails on this side fails on the other, in the same checks: no fault gets lost in translation.
func TestBrokenDoublesAreCaughtOverTheWire(t *testing.T) {
	for _, c := range broken {
		switch c.fault {
		case leaksFuture, forkShares, gradientOfOneTensor, resumeLosesStep, loadsHalf, ignoresCancel, acceptsUnknownKey:
		default:
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			remote, stop := wire.InProcess(newTiny(c.fault))
			defer stop()
			expectFailures(t, remote, c.fails)
		})
	}
}
