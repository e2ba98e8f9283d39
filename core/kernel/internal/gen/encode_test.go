package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The bytes are those of LLVM's assembler, the texts what binutils prints of them.
var encodings = []struct{ golang, code, intel string }{
	{"VDPBF16PS Z8, Z7, Z0", "62d2464852c0", "vdpbf16ps zmm0,zmm7,zmm8"},
	{"VDPBF16PS Z31, Z16, Z15", "62127e4052ff", "vdpbf16ps zmm15,zmm16,zmm31"},
	{"VDPBF16PS Z15, Z0, Z31", "62427e4852ff", "vdpbf16ps zmm31,zmm0,zmm15"},
	{"VDPBF16PS Z7, Z31, K1, Z8", "6272064152c7", "vdpbf16ps zmm8{k1},zmm31,zmm7"},
	{"VDPBF16PS.Z Z0, Z8, K7, Z16", "62e23ecf52c0", "vdpbf16ps zmm16{k7}{z},zmm8,zmm0"},
	{"VDPBF16PS (SI), Z1, Z0", "62f276485206", "vdpbf16ps zmm0,zmm1,ZMMWORD PTR [rsi]"},
	{"VDPBF16PS 64(SI), Z1, Z0", "62f27648524601", "vdpbf16ps zmm0,zmm1,ZMMWORD PTR [rsi+0x40]"},
	{"VDPBF16PS 8128(SI), Z1, Z0", "62f2764852467f", "vdpbf16ps zmm0,zmm1,ZMMWORD PTR [rsi+0x1fc0]"},
	{"VDPBF16PS 8192(SI), Z1, Z0", "62f27648528600200000", "vdpbf16ps zmm0,zmm1,ZMMWORD PTR [rsi+0x2000]"},
	{"VDPBF16PS -8192(SI), Z1, Z0", "62f27648524680", "vdpbf16ps zmm0,zmm1,ZMMWORD PTR [rsi-0x2000]"},
	{"VDPBF16PS 4(SI), Z1, Z0", "62f27648528604000000", "vdpbf16ps zmm0,zmm1,ZMMWORD PTR [rsi+0x4]"},
	{"VDPBF16PS.BCST (R8), Z1, Z0", "62d276585200", "vdpbf16ps zmm0,zmm1,DWORD BCST [r8]"},
	{"VDPBF16PS.BCST 4(R8), Z1, Z0", "62d27658524001", "vdpbf16ps zmm0,zmm1,DWORD BCST [r8+0x4]"},
	{"VDPBF16PS.BCST 508(R8), Z1, Z0", "62d2765852407f", "vdpbf16ps zmm0,zmm1,DWORD BCST [r8+0x1fc]"},
	{"VDPBF16PS.BCST 512(R8), Z1, Z0", "62d27658528000020000", "vdpbf16ps zmm0,zmm1,DWORD BCST [r8+0x200]"},
	{"VDPBF16PS.BCST 2(R8), Z1, Z0", "62d27658528002000000", "vdpbf16ps zmm0,zmm1,DWORD BCST [r8+0x2]"},
	{"VDPBF16PS.BCST (R13)(R9*2), Z21, Z20", "6282565052644d00", "vdpbf16ps zmm20,zmm21,DWORD BCST [r13+r9*2+0x0]"},
	{"VDPBF16PS (R12), Z21, Z20", "62c25640522424", "vdpbf16ps zmm20,zmm21,ZMMWORD PTR [r12]"},
	{"VDPBF16PS 128(SP), Z21, Z20", "62e2564052642402", "vdpbf16ps zmm20,zmm21,ZMMWORD PTR [rsp+0x80]"},
	{"VDPBF16PS (BP), Z21, Z20", "62e25640526500", "vdpbf16ps zmm20,zmm21,ZMMWORD PTR [rbp+0x0]"},
	{"VDPBF16PS 32(AX)(R15*8), Y2, Y1", "62b26e28524cf801", "vdpbf16ps ymm1,ymm2,YMMWORD PTR [rax+r15*8+0x20]"},
	{"VDPBF16PS X3, X2, X1", "62f26e0852cb", "vdpbf16ps xmm1,xmm2,xmm3"},
	{"VCVTNE2PS2BF16 Z8, Z7, Z0", "62d2474872c0", "vcvtne2ps2bf16 zmm0,zmm7,zmm8"},
	{"VCVTNE2PS2BF16.Z 64(DX), Z16, K1, Z31", "62627fc1727a01", "vcvtne2ps2bf16 zmm31{k1}{z},zmm16,ZMMWORD PTR [rdx+0x40]"},
	{"VCVTNE2PS2BF16 Y31, Y8, Y15", "62123f2872ff", "vcvtne2ps2bf16 ymm15,ymm8,ymm31"},
	{"VCVTNEPS2BF16 Z7, Y0", "62f27e4872c7", "vcvtneps2bf16 ymm0,zmm7"},
	{"VCVTNEPS2BF16 Z16, K2, Y31", "62227e4a72f8", "vcvtneps2bf16 ymm31{k2},zmm16"},
	{"VCVTNEPS2BF16.Z 128(BX), K1, Y8", "62727ec9724302", "vcvtneps2bf16 ymm8{k1}{z},ZMMWORD PTR [rbx+0x80]"},
	{"VCVTNEPS2BF16 Y31, X15", "62127e2872ff", "vcvtneps2bf16 xmm15,ymm31"},
}

func TestEncode(t *testing.T) {
	for _, c := range encodings {
		code, ok := encode(c.golang)
		if !ok || hex.EncodeToString(code) != c.code {
			t.Errorf("%s: %x, want %s", c.golang, code, c.code)
		}
	}
	for _, s := range []string{"VPDPBUSD Z0, Z1, Z2", "RET", "VMOVUPS (SI), Z0"} {
		if code, ok := encode(s); ok {
			t.Errorf("%s, which Go's assembler knows, is encoded as %x", s, code)
		}
	}
}

// disassemble returns what binutils makes of code, an instruction a line.
func disassemble(t *testing.T, code []byte) []string {
	t.Helper()
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("needs objdump of binutils 2.35 or later")
	}
	path := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(path, code, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--no-show-raw-insn", path).Output()
	if err != nil {
		t.Skipf("objdump does not disassemble x86-64: %v", err)
	}
	var text []string
	for _, m := range regexp.MustCompile(`(?m)^\s*[0-9a-f]+:\t(.*)$`).FindAllStringSubmatch(string(out), -1) {
		text = append(text, strings.Join(strings.Fields(m[1]), " "))
	}
	return text
}

func TestEncodeAgainstDecoder(t *testing.T) {
	var code []byte
	var want []string
	for _, c := range encodings {
		b, _ := encode(c.golang)
		code, want = append(code, b...), append(want, c.intel)
	}
	// All registers in all places.
	for i := range 32 {
		b, _ := encode(fmt.Sprintf("VDPBF16PS Z%d, Z%d, Z%d", i, 31-i, (i+7)%32))
		code = append(code, b...)
		want = append(want, fmt.Sprintf("vdpbf16ps zmm%d,zmm%d,zmm%d", (i+7)%32, 31-i, i))
	}
	got := disassemble(t, code)
	if len(got) != len(want) {
		t.Fatalf("%d instructions, want %d: %q", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
}

func TestDirectives(t *testing.T) {
	f := &file{}
	f.op("VDPBF16PS Z%d, Z7, Z0", 8)
	if got := f.String(); !strings.Contains(got, "BYTE $0x62; BYTE $0xd2") || !bytes.Contains(f.Bytes(), []byte("// VDPBF16PS Z8, Z7, Z0")) {
		t.Errorf("%q", got)
	}
}
