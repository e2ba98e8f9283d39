package kernel

// caches are the sizes in bytes of the data caches that one core has to itself. Products are cut by them; no bit of a
// result depends on them.
var caches = cacheSizes()

// The sizes where the CPU does not tell.
const (
	defaultL1 = 32 << 10
	defaultL2 = 512 << 10
)
