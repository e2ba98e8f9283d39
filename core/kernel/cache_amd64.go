package kernel

// cpuid runs the instruction on a leaf and a subleaf.
func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)

// cacheSizes reads the caches' sizes from the deterministic cache parameters: leaf 4 on Intel, 8000001Dh, of the same
// form, on AMD.
func cacheSizes() (c struct{ l1, l2 int }) {
	c.l1, c.l2 = defaultL1, defaultL2
	most, _, _, _ := cpuid(0, 0)
	if most >= 4 && readCaches(4, &c.l1, &c.l2) {
		return c
	}
	if most, _, _, _ := cpuid(0x80000000, 0); most >= 0x8000001d {
		readCaches(0x8000001d, &c.l1, &c.l2)
	}
	return c
}

// readCaches takes what leaf says of the first two levels, and reports whether it says anything.
func readCaches(leaf uint32, l1, l2 *int) (found bool) {
	for sub := range uint32(16) {
		eax, ebx, ecx, _ := cpuid(leaf, sub)
		kind, level := eax&31, eax>>5&7
		if kind == 0 {
			break
		}
		if kind == 2 { // instructions
			continue
		}
		size := int(ebx>>22+1) * int(ebx>>12&0x3ff+1) * int(ebx&0xfff+1) * int(ecx+1)
		switch level {
		case 1:
			*l1, found = size, true
		case 2:
			*l2, found = size, true
		}
	}
	return found
}
