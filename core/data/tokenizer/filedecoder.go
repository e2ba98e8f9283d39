package tokenizer

import "encoding/json"

func readDecoder(where string, raw json.RawMessage) (decoder, error) {
	f := object(where, raw)
	var d decoder
	switch kind := want[string](f, "type"); kind {
	case "Sequence":
		d = decodeSequence(readList(f, "decoders", readDecoder))
	case "ByteLevel":
		prefix, trim, regex := readByteLevel(f)
		d = decodeByteLevel{prefix, trim, regex}
	case "WordPiece":
		d = decodeWordPiece{want[string](f, "prefix"), want[bool](f, "cleanup")}
	case "Metaspace":
		d = readMetaspace(f)
	case "BPEDecoder":
		d = decodeBPE{want[string](f, "suffix")}
	case "ByteFallback":
		d = decodeByteFallback{}
	case "Fuse":
		d = decodeFuse{}
	case "Strip":
		s := decodeStrip{readChar(f, "content"), want[int](f, "start"), want[int](f, "stop")}
		if s.start < 0 || s.stop < 0 {
			f.fail(ErrFormat, "start", "got %d, and %d for stop; want 0 or more", s.start, s.stop)
		}
		d = s
	case "Replace":
		d = decodeReplace{normReplace{readPattern(f, "pattern"), want[string](f, "content")}}
	case "CTC":
		d = decodeCTC{want[string](f, "pad_token"), want[string](f, "word_delimiter_token"), want[bool](f, "cleanup")}
	default:
		f.fail(ErrUnsupported, "type", "unknown decoder %q", kind)
	}
	return d, f.done()
}

func writeDecoder(d decoder) any {
	switch d := d.(type) {
	case decodeSequence:
		list := []any{}
		for _, e := range d {
			list = append(list, writeDecoder(e))
		}
		return written{"type", "Sequence", "decoders", list}
	case decodeByteLevel:
		return writeByteLevel(d.prefixSpace, d.trimOffsets, d.regex)
	case decodeWordPiece:
		return written{"type", "WordPiece", "prefix", d.prefix, "cleanup", d.cleanup}
	case preMetaspace:
		return writeMetaspace(d)
	case decodeBPE:
		return written{"type", "BPEDecoder", "suffix", d.suffix}
	case decodeByteFallback:
		return written{"type", "ByteFallback"}
	case decodeFuse:
		return written{"type", "Fuse"}
	case decodeStrip:
		return written{"type", "Strip", "content", string(d.content), "start", d.start, "stop", d.stop}
	case decodeReplace:
		return written{"type", "Replace", "pattern", writePattern(d.pattern), "content", d.content}
	case decodeCTC:
		return written{"type", "CTC", "pad_token", d.pad, "word_delimiter_token", d.delimiter, "cleanup", d.cleanup}
	}
	return nil
}
