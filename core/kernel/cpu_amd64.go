package kernel

import "golang.org/x/sys/cpu"

var nativeISAs = []isa{
	avx2,
	avx512,
	avx512VNNI,
	avx512BF16,
}

var (
	avx2 = isa{
		name:      "avx2",
		need:      []string{"avx2", "fma", "bmi2"},
		tile:      tileAVX2,
		transpose: transposeAVX2,
		vectors:   vectorsOf(vecY, 8),
		halves:    halvesOf(convertY),
		rows:      &rowsAVX2,
		int8:      &int8AVX2,
		int4:      &int4AVX2,
		attend:    attendOf(false),

		tileRows: 6, tileColumns: 16,
		packA: packOf(6, packY6), packB: packBY,
		tilePanels: tilePanelsAVX2,

		scanSteps:     scanStepsAVX2,
		scanStepsBack: scanStepsBackAVX2,
		ssdSteps:      ssdStepsAVX2,
		takeBlocks:    takeBlocksAVX2,
		putBlocks:     putBlocksAVX2,

		peaks: peaksAVX2,
		read:  readOf(readY),
	}
	avx512 = isa{
		name:      "avx512",
		need:      []string{"avx512f", "avx512dq", "avx512vl", "avx512bw", "fma", "bmi2"},
		tile:      tileAVX512,
		transpose: transposeAVX512,
		vectors:   vectorsOf(vecZ, 16),
		halves:    halvesOf(convertZ),
		rows:      &rowsAVX512,
		int8:      &int8AVX512,
		int4:      &int4AVX2,
		attend:    attendOf(true),

		tileRows: 12, tileColumns: 32,
		packA: packOf(12, packZ12), packB: packBZ,
		tilePanels: tilePanelsAVX512,

		scanSteps:     scanStepsAVX512,
		scanStepsBack: scanStepsBackAVX512,
		ssdSteps:      ssdStepsAVX512,
		takeBlocks:    takeBlocksAVX512,
		putBlocks:     putBlocksAVX512,

		peaks: peaksAVX512,
		read:  readOf(readZ),
	}
	avx512VNNI = avx512.with("avx512vnni", []string{"avx512vnni"}, func(s *isa) { s.int8, s.int4 = &int8VNNI, &int4VNNI })
	avx512BF16 = avx512VNNI.with("avx512bf16", []string{"avx512bf16"}, func(s *isa) { s.bf16, s.rows = &bf16AVX512, &rowsBF16 })
)

// cpuFeatures lists what the CPU offers and the operating system saves.
func cpuFeatures() []string {
	var f []string
	for _, c := range []struct {
		name string
		has  bool
	}{
		{"avx2", cpu.X86.HasAVX2},
		{"fma", cpu.X86.HasFMA},
		{"bmi2", cpu.X86.HasBMI2},
		{"avx512f", cpu.X86.HasAVX512F},
		{"avx512dq", cpu.X86.HasAVX512DQ},
		{"avx512vl", cpu.X86.HasAVX512VL},
		{"avx512bw", cpu.X86.HasAVX512BW},
		{"avx512vnni", cpu.X86.HasAVX512VNNI},
		{"avx512bf16", cpu.X86.HasAVX512BF16},
		{"amxbf16", cpu.X86.HasAMXBF16},
		{"amxint8", cpu.X86.HasAMXInt8},
	} {
		if c.has {
			f = append(f, c.name)
		}
	}
	return f
}
