package kernel

// caches are the sizes in bytes of the data caches that one core has to itself. Products are cut by them; no bit of a
// result depends on them.
var caches = cacheSizes()

// The sizes where the CPU does not tell.
const (
	defaultL1 = 32 << 10
	defaultL2 = 512 << 10
)

// blockWords is how many rows of 32-bit words of a panel, columns wide, take half of the first-level cache: what a tile runs
// through at a time.
func blockWords(columns int) int { return max(caches.l1/2/(4*columns)&^15, 64) }
