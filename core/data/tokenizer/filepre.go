package tokenizer

import (
	"encoding/json"
	"slices"
	"unicode/utf8"
)

func readPreTokenizer(where string, raw json.RawMessage) (preTokenizer, error) {
	f := object(where, raw)
	var p preTokenizer
	switch kind := want[string](f, "type"); kind {
	case "Sequence":
		p = preSequence(readList(f, "pretokenizers", readPreTokenizer))
	case "ByteLevel":
		prefix, trim, regex := readByteLevel(f)
		p = preByteLevel{prefixSpace: prefix, trimOffsets: trim, regex: regex}
	case "Whitespace":
		p = preWhitespace{}
	case "WhitespaceSplit":
		p = preWhitespaceSplit{}
	case "BertPreTokenizer":
		p = preBert{}
	case "Metaspace":
		p = readMetaspace(f)
	case "Punctuation":
		p = prePunctuation{readBehavior(f, "Isolated")}
	case "CharDelimiterSplit":
		p = preDelimiter(readChar(f, "delimiter"))
	case "Split":
		s := preSplit{pattern: readPattern(f, "pattern"), how: readBehavior(f, ""), invert: want[bool](f, "invert")}
		p = s
	case "Digits":
		p = preDigits{want[bool](f, "individual_digits")}
	case "UnicodeScripts":
		p = preScripts{}
	case "FixedLength":
		n := optional(f, "length", 5)
		if n < 1 {
			f.fail(ErrFormat, "length", "got %d, want 1 or more", n)
		}
		p = preFixedLength(n)
	default:
		f.fail(ErrUnsupported, "type", "unknown pre-tokenizer %q", kind)
	}
	return p, f.done()
}

func readByteLevel(f *fields) (prefixSpace, trimOffsets, regex bool) {
	return want[bool](f, "add_prefix_space"), want[bool](f, "trim_offsets"), optional(f, "use_regex", true)
}

func readBehavior(f *fields, otherwise string) behavior {
	name := f.oneOf("behavior", otherwise, behaviorNames...)
	return behavior(max(0, slices.Index(behaviorNames, name)))
}

func readChar(f *fields, key string) rune {
	s := want[string](f, key)
	r, n := utf8.DecodeRuneInString(s)
	if f.err == nil && (n == 0 || n != len(s)) {
		f.fail(ErrFormat, key, "want one character, got %q", s)
	}
	return r
}

// readMetaspace reads the fields of today and those of earlier versions: add_prefix_space, which prepend_scheme took the place of, and
// str_rep, which says what replacement says.
func readMetaspace(f *fields) preMetaspace {
	m := preMetaspace{
		replacement: string(readChar(f, "replacement")),
		scheme:      f.oneOf("prepend_scheme", "always", "always", "first", "never"),
		cut:         optional(f, "split", true),
	}
	if prefix := optional(f, "add_prefix_space", true); !prefix {
		if f.has("prepend_scheme") && m.scheme != "never" || !f.has("prepend_scheme") {
			f.fail(ErrFormat, "add_prefix_space", "false does not go with a prepend_scheme of %q", m.scheme)
		}
	}
	optional(f, "str_rep", "")
	return m
}

func writePreTokenizer(p preTokenizer) any {
	switch p := p.(type) {
	case preSequence:
		list := []any{}
		for _, q := range p {
			list = append(list, writePreTokenizer(q))
		}
		return written{"type", "Sequence", "pretokenizers", list}
	case preByteLevel:
		return writeByteLevel(p.prefixSpace, p.trimOffsets, p.regex)
	case preWhitespace:
		return written{"type", "Whitespace"}
	case preWhitespaceSplit:
		return written{"type", "WhitespaceSplit"}
	case preBert:
		return written{"type", "BertPreTokenizer"}
	case preMetaspace:
		return writeMetaspace(p)
	case prePunctuation:
		return written{"type", "Punctuation", "behavior", behaviorNames[p.how]}
	case preDelimiter:
		return written{"type", "CharDelimiterSplit", "delimiter", string(p)}
	case preSplit:
		return written{"type", "Split", "pattern", writePattern(p.pattern), "behavior", behaviorNames[p.how], "invert", p.invert}
	case preDigits:
		return written{"type", "Digits", "individual_digits", p.individual}
	case preScripts:
		return written{"type", "UnicodeScripts"}
	case preFixedLength:
		return written{"type", "FixedLength", "length", int(p)}
	}
	return nil
}

func writeByteLevel(prefixSpace, trimOffsets, regex bool) any {
	return written{"type", "ByteLevel", "add_prefix_space", prefixSpace, "trim_offsets", trimOffsets, "use_regex", regex}
}

func writeMetaspace(p preMetaspace) any {
	return written{"type", "Metaspace", "replacement", p.replacement, "prepend_scheme", p.scheme, "split", p.cut}
}
