package tokenizer

import (
	"encoding/base64"
	"encoding/json"
)

// The forms of Unicode by their names in tokenizer.json.
var forms = map[string]normForm{"NFC": nfc, "NFD": nfd, "NFKC": nfkc, "NFKD": nfkd}

func readNormalizer(where string, raw json.RawMessage) (normalizer, error) {
	f := object(where, raw)
	var n normalizer
	switch kind := want[string](f, "type"); kind {
	case "Sequence":
		n = normSequence(readList(f, "normalizers", readNormalizer))
	case "BertNormalizer":
		lower := want[bool](f, "lowercase")
		b := normBert{clean: want[bool](f, "clean_text"), chinese: want[bool](f, "handle_chinese_chars"), lowercase: lower}
		b.accentsSet = f.has("strip_accents")
		b.accents = optional(f, "strip_accents", lower)
		n = b
	case "Strip":
		n = normStrip{want[bool](f, "strip_left"), want[bool](f, "strip_right")}
	case "StripAccents":
		n = normStripAccents{}
	case "NFC", "NFD", "NFKC", "NFKD":
		n = forms[kind]
	case "Lowercase":
		n = normLowercase{}
	case "Nmt":
		n = normNmt{}
	case "Precompiled":
		charsmap, err := base64.StdEncoding.DecodeString(want[string](f, "precompiled_charsmap"))
		if err != nil {
			f.fail(ErrFormat, "precompiled_charsmap", "not base64: %v", err)
			break
		}
		p, err := newPrecompiled(charsmap)
		if err != nil {
			f.fail(ErrFormat, "precompiled_charsmap", "%v", err)
			break
		}
		n = p
	case "Replace":
		n = normReplace{readPattern(f, "pattern"), want[string](f, "content")}
	case "Prepend":
		n = normPrepend(want[string](f, "prepend"))
	case "ByteLevel":
		n = normByteLevel{}
	default:
		f.fail(ErrUnsupported, "type", "unknown normalizer %q", kind)
	}
	return n, f.done()
}

func readPattern(f *fields, key string) *pattern {
	g := object(f.name(key), want[json.RawMessage](f, key))
	if f.err != nil {
		return nil
	}
	regex := g.has("Regex")
	source := ""
	if regex {
		source = want[string](g, "Regex")
	} else {
		source = want[string](g, "String")
	}
	if f.err = g.done(); f.err != nil {
		return nil
	}
	p, err := newPattern(source, regex)
	if err != nil {
		f.fail(ErrUnsupported, key, "%v", err)
	}
	return p
}

func writeNormalizer(n normalizer) any {
	switch n := n.(type) {
	case normSequence:
		list := []any{}
		for _, m := range n {
			list = append(list, writeNormalizer(m))
		}
		return written{"type", "Sequence", "normalizers", list}
	case normBert:
		var accents any
		if n.accentsSet {
			accents = n.accents
		}
		return written{"type", "BertNormalizer", "clean_text", n.clean, "handle_chinese_chars", n.chinese, "strip_accents", accents,
			"lowercase", n.lowercase}
	case normStrip:
		return written{"type", "Strip", "strip_left", n.left, "strip_right", n.right}
	case normStripAccents:
		return written{"type", "StripAccents"}
	case normForm:
		for name, f := range forms {
			if f == n {
				return written{"type", name}
			}
		}
	case normLowercase:
		return written{"type", "Lowercase"}
	case normNmt:
		return written{"type", "Nmt"}
	case *precompiled:
		return written{"type", "Precompiled", "precompiled_charsmap", base64.StdEncoding.EncodeToString(n.raw())}
	case normReplace:
		return written{"type", "Replace", "pattern", writePattern(n.pattern), "content", n.content}
	case normPrepend:
		return written{"type", "Prepend", "prepend", string(n)}
	case normByteLevel:
		return written{"type", "ByteLevel"}
	}
	return nil
}

func writePattern(p *pattern) any {
	if p.regex {
		return written{"Regex", p.source}
	}
	return written{"String", p.source}
}
