package tokenizer

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// spModel is the part of SentencePiece's ModelProto (sentencepiece_model.proto) that says how text is encoded and decoded.
type spModel struct {
	pieces      []spPiece
	modelType   uint64
	fallback    bool   // byte_fallback
	suffix      bool   // treat_whitespace_as_suffix
	unkSurface  string // what an unknown piece is decoded to
	normalizer  spNormalizerSpec
	denormalize spNormalizerSpec
}

// spPiece is an entry of the vocabulary.
type spPiece struct {
	piece string
	score float32
	kind  uint64
}

// Kinds of pieces.
const (
	spNormal      = 1
	spUnknown     = 2
	spControl     = 3
	spUserDefined = 4
	spUnused      = 5
	spByte        = 6
)

// Types of models.
const (
	spTypeUnigram = 1
	spTypeBPE     = 2
	spTypeWord    = 3
	spTypeChar    = 4
)

type spNormalizerSpec struct {
	charsmap               []byte
	addDummyPrefix         bool
	removeExtraWhitespaces bool
	escapeWhitespaces      bool
}

// parseSPModel reads the wire form. Unknown fields and values are passed over, as protobuf wants it.
func parseSPModel(raw []byte) (*spModel, error) {
	spec := spNormalizerSpec{addDummyPrefix: true, removeExtraWhitespaces: true, escapeWhitespaces: true}
	m := &spModel{modelType: spTypeUnigram, unkSurface: " \u2047 ", normalizer: spec, denormalize: spec}
	err := protoFields(raw, func(num protowire.Number, value protoValue) error {
		switch num {
		case 1:
			p := spPiece{kind: spNormal}
			err := p.parse(value.bytes)
			m.pieces = append(m.pieces, p)
			return err
		case 2:
			return m.parseTrainer(value.bytes)
		case 3:
			return m.normalizer.parse(value.bytes)
		case 5:
			return m.denormalize.parse(value.bytes)
		}
		return nil
	}, 1, 2, 3, 5)
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (p *spPiece) parse(raw []byte) error {
	return protoFields(raw, func(num protowire.Number, value protoValue) error {
		switch {
		case num == 1:
			p.piece = string(value.bytes)
		case num == 2 && value.kind == protowire.Fixed32Type:
			p.score = math.Float32frombits(uint32(value.number))
		case num == 3 && value.kind == protowire.VarintType && value.number >= spNormal && value.number <= spByte:
			p.kind = value.number
		}
		return nil
	}, 1)
}

func (m *spModel) parseTrainer(raw []byte) error {
	return protoFields(raw, func(num protowire.Number, value protoValue) error {
		switch {
		case num == 44:
			m.unkSurface = string(value.bytes)
		case value.kind != protowire.VarintType:
		case num == 3 && value.number >= spTypeUnigram && value.number <= spTypeChar:
			m.modelType = value.number
		case num == 24:
			m.suffix = value.number != 0
		case num == 35:
			m.fallback = value.number != 0
		}
		return nil
	}, 44)
}

func (s *spNormalizerSpec) parse(raw []byte) error {
	return protoFields(raw, func(num protowire.Number, value protoValue) error {
		switch {
		case num == 2:
			s.charsmap = value.bytes
		case value.kind != protowire.VarintType:
		case num == 3:
			s.addDummyPrefix = value.number != 0
		case num == 4:
			s.removeExtraWhitespaces = value.number != 0
		case num == 5:
			s.escapeWhitespaces = value.number != 0
		}
		return nil
	}, 2)
}

// protoValue is the value of a field: bytes, or a number.
type protoValue struct {
	kind   protowire.Type
	number uint64
	bytes  []byte
}

// protoFields calls fn for each field of a message. A field in want is of bytes; it is passed over where the file says otherwise.
func protoFields(raw []byte, fn func(protowire.Number, protoValue) error, want ...protowire.Number) error {
	for len(raw) > 0 {
		num, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return errorf(ErrFormat, "", "not a protobuf message: %v", protowire.ParseError(n))
		}
		raw = raw[n:]
		value := protoValue{kind: kind}
		switch kind {
		case protowire.VarintType:
			value.number, n = protowire.ConsumeVarint(raw)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(raw)
			value.number = uint64(v)
		case protowire.BytesType:
			value.bytes, n = protowire.ConsumeBytes(raw)
		default:
			n = protowire.ConsumeFieldValue(num, kind, raw)
		}
		if n < 0 {
			return errorf(ErrFormat, "", "field %d: %v", num, protowire.ParseError(n))
		}
		raw = raw[n:]
		wantsBytes := false
		for _, w := range want {
			wantsBytes = wantsBytes || w == num
		}
		if wantsBytes != (kind == protowire.BytesType) {
			continue
		}
		if err := fn(num, value); err != nil {
			return err
		}
	}
	return nil
}
