package nn

import "github.com/archlab/archlab/core/kernel"

// smallWork is the number of operations, as counted, that one thread does sooner than it wakes another: some 50 microseconds of
// attention or of a scan. While one token is decoded, linear layers are that small too, so that the other threads sleep between
// any two ops.
const smallWork = 1 << 18

// threads answers the pool for so many operations, or nil, which is the calling thread. Results do not depend on it.
func threads(p *kernel.Pool, flops float64) *kernel.Pool {
	if flops <= smallWork {
		return nil
	}
	return p
}
