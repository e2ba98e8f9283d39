package main

import (
	"fmt"
	"log"
	"regexp"
	"strconv"
	"strings"
)

// Go's assembler has no AVX512_BF16. Its three instructions are written like any other
// (operands in Go's order, K1, .Z, .BCST) and put down as the bytes of their EVEX encoding.

// An evexOp is an instruction of the opcode map 0F38 with W = 0.
type evexOp struct {
	opcode byte
	prefix byte // 2 for F3, 3 for F2
	unary  bool // one source, and a destination of half its length
}

var evexOps = map[string]evexOp{
	"VDPBF16PS":      {0x52, 2, false},
	"VCVTNE2PS2BF16": {0x72, 3, false},
	"VCVTNEPS2BF16":  {0x72, 2, true},
}

// encode returns the bytes of an instruction if it is one that Go's assembler lacks.
func encode(instruction string) (code []byte, ok bool) {
	name, rest, _ := strings.Cut(strings.TrimSpace(instruction), " ")
	parts := strings.Split(name, ".")
	op, ok := evexOps[parts[0]]
	if !ok {
		return nil, false
	}
	e := evexCode{evexOp: op}
	for _, suffix := range parts[1:] {
		switch suffix {
		case "Z":
			e.zeroing = true
		case "BCST":
			e.broadcast = true
		default:
			log.Fatalf("%s: no such suffix", instruction)
		}
	}
	operands := strings.Split(rest, ",")
	for i := range operands {
		operands[i] = strings.TrimSpace(operands[i])
	}
	if n := len(operands); n > 1 && strings.HasPrefix(operands[n-2], "K") {
		e.mask = number(operands[n-2])
		operands = append(operands[:n-2], operands[n-1])
	}
	want := 3
	if op.unary {
		want = 2
	}
	if len(operands) != want {
		log.Fatalf("%s: %d operands, want %d", instruction, len(operands), want)
	}
	sized := operands[want-1] // a register of the operation's length
	if op.unary {
		sized = operands[0]
		if strings.Contains(sized, "(") {
			sized = map[byte]string{'Y': "Z0", 'X': "Y0"}[operands[1][0]]
		}
	} else {
		e.v = number(operands[1])
	}
	e.length = strings.IndexByte("XYZ", sized[0])
	e.reg = number(operands[want-1])
	return e.bytes(operands[0]), true
}

// number is the number of a vector or mask register.
func number(register string) int {
	n, err := strconv.Atoi(register[1:])
	if err != nil {
		log.Fatalf("%s: not a register", register)
	}
	return n
}

type evexCode struct {
	evexOp
	reg, v, mask       int
	length             int // 0, 1, 2 for 16, 32, 64 bytes
	zeroing, broadcast bool
}

var general = map[string]int{
	"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SP": 4, "BP": 5, "SI": 6, "DI": 7,
	"R8": 8, "R9": 9, "R10": 10, "R11": 11, "R12": 12, "R13": 13, "R14": 14, "R15": 15,
}

var address = regexp.MustCompile(`^(-?\d*)\((\w+)\)(?:\((\w+)\*([1248])\))?$`)

// bytes encodes the instruction with rm, a register or an address, as its first source.
func (e evexCode) bytes(rm string) []byte {
	var r3, x, b, modrm int
	var tail []byte
	if m := address.FindStringSubmatch(rm); m != nil {
		base := general[m[2]]
		b = base >> 3
		index, scale := 4, 0 // no index
		if m[3] != "" {
			index = general[m[3]]
			scale = strings.Index("1248", m[4])
			x = index >> 3
		}
		disp := 0
		if m[1] != "" {
			disp, _ = strconv.Atoi(m[1])
		}
		unit := 16 << e.length // displacements of a byte count in operands
		if e.broadcast {
			unit = 4
		}
		var mod int
		var where []byte
		switch {
		case disp == 0 && base&7 != 5:
		case disp%unit == 0 && disp/unit >= -128 && disp/unit < 128:
			mod, where = 1, []byte{byte(disp / unit)}
		default:
			mod, where = 2, []byte{byte(disp), byte(disp >> 8), byte(disp >> 16), byte(disp >> 24)}
		}
		if r3 = base & 7; m[3] != "" || r3 == 4 {
			tail = append(tail, byte(scale<<6|index&7<<3|r3))
			r3 = 4
		}
		tail = append(tail, where...)
		modrm = mod<<6 | e.reg&7<<3 | r3
	} else {
		n := number(rm)
		b, x = n>>3&1, n>>4
		modrm = 3<<6 | e.reg&7<<3 | n&7
	}
	bit := func(on bool, at int) int {
		if on {
			return 1 << at
		}
		return 0
	}
	// R, X, B, R', vvvv and V' are stored inverted.
	p0 := (e.reg>>3&1<<7 | x<<6 | b<<5 | e.reg>>4<<4) ^ 0xf0 | 2
	p1 := (e.v&15^15)<<3 | 1<<2 | int(e.prefix)
	p2 := bit(e.zeroing, 7) | e.length<<5 | bit(e.broadcast, 4) | (e.v>>4^1)<<3 | e.mask
	return append([]byte{0x62, byte(p0), byte(p1), byte(p2), e.opcode, byte(modrm)}, tail...)
}

// directives writes code as data for Go's assembler.
func directives(code []byte) string {
	var s []string
	for _, b := range code {
		s = append(s, fmt.Sprintf("BYTE $0x%02x", b))
	}
	return strings.Join(s, "; ")
}
