package kernel

// intel reports whether Intel made the CPU: cpuid's leaf 0 begins with "Genu".
func intel() bool {
	_, maker, _, _ := cpuid(0, 0)
	return maker == 0x756e6547
}
