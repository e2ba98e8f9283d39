package tokenizer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// maxFile bounds a tokenizer's file. The largest known ones have 40 MB.
const maxFile = 512 << 20

// Load reads a tokenizer's file: tokenizer.json, a tiktoken rank file or a SentencePiece model, told apart by content.
func Load(path string) (*Tokenizer, error) {
	raw, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := Read
	if isTiktoken(raw) {
		read = func(raw []byte) (*Tokenizer, error) { return ReadTiktoken(raw, "", nil) }
	} else if isSentencePiece(raw) {
		read = ReadSentencePiece
	}
	t, err := read(raw)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return t, nil
}

// ReadFile reads a tokenizer's file whole, and refuses one that is too large to be any.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("load %s: %w", path, errorf(ErrTooLarge, "", "more than %d MB", maxFile>>20))
	}
	return raw, nil
}

// Read reads a tokenizer.json. What it asks for and is not known here is refused, by name.
func Read(raw []byte) (*Tokenizer, error) {
	if !json.Valid(raw) {
		return nil, errorf(ErrFormat, "", "not a tokenizer.json: %v", json.Unmarshal(raw, new(any)))
	}
	if at, what := brokenText(raw); what != "" {
		line := 1 + bytes.Count(raw[:at], []byte("\n"))
		return nil, errorf(ErrFormat, fmt.Sprintf("line %d, byte %d", line, at-bytes.LastIndexByte(raw[:at], '\n')), "%s", what)
	}
	f := object("", raw)
	if f.err == nil && f.raw["model"] == nil {
		return nil, errorf(ErrFormat, "model", "missing: not a tokenizer.json")
	}
	if f.has("version") {
		if v := want[string](f, "version"); v != "1.0" {
			f.fail(ErrUnsupported, "version", "got %q, want 1.0", v)
		}
	}
	var p parts
	p.truncation = readTruncation(f, "truncation")
	p.padding = readPadding(f, "padding")
	p.added = readAdded(f, "added_tokens")
	p.normalizer = readOptional(f, "normalizer", readNormalizer)
	p.pre = readOptional(f, "pre_tokenizer", readPreTokenizer)
	p.post = readOptional(f, "post_processor", readPostProcessor)
	p.decoder = readOptional(f, "decoder", readDecoder)
	p.model = readOptional(f, "model", readModel)
	if err := f.done(); err != nil {
		return nil, err
	}
	if p.model == nil {
		return nil, errorf(ErrFormat, "model", "want an object, got null")
	}
	return assemble(p)
}

// readOptional reads a part that may be null.
func readOptional[T any](f *fields, key string, read func(where string, raw json.RawMessage) (T, error)) (part T) {
	if !f.has(key) || f.err != nil {
		return part
	}
	part, err := read(f.name(key), f.raw[key])
	if err != nil && f.err == nil {
		f.err = err
	}
	return part
}

// readList reads a list of parts.
func readList[T any](f *fields, key string, read func(where string, raw json.RawMessage) (T, error)) []T {
	var out []T
	for i, raw := range want[[]json.RawMessage](f, key) {
		part, err := read(fmt.Sprintf("%s[%d]", f.name(key), i), raw)
		if err != nil {
			f.err = err
			return nil
		}
		out = append(out, part)
	}
	return out
}

func readAdded(f *fields, key string) []AddedToken {
	if !f.has(key) {
		return nil
	}
	return readList(f, key, func(where string, raw json.RawMessage) (AddedToken, error) {
		g := object(where, raw)
		return AddedToken{
			ID: want[int32](g, "id"), Content: want[string](g, "content"), SingleWord: want[bool](g, "single_word"),
			LStrip: want[bool](g, "lstrip"), RStrip: want[bool](g, "rstrip"), Normalized: want[bool](g, "normalized"),
			Special: want[bool](g, "special"),
		}, g.done()
	})
}

func readTruncation(f *fields, key string) *truncation {
	if !f.has(key) {
		return nil
	}
	g := object(f.name(key), f.raw[key])
	t := &truncation{
		left:     g.oneOf("direction", "Right", "Left", "Right") == "Left",
		length:   want[int](g, "max_length"),
		strategy: g.oneOf("strategy", "", "LongestFirst", "OnlyFirst", "OnlySecond"),
		stride:   want[int](g, "stride"),
	}
	if t.length < 0 || t.stride < 0 {
		g.fail(ErrFormat, "max_length", "got %d and a stride of %d, want 0 or more", t.length, t.stride)
	}
	if err := g.done(); err != nil && f.err == nil {
		f.err = err
	}
	return t
}

func readPadding(f *fields, key string) *padding {
	if !f.has(key) {
		return nil
	}
	g := object(f.name(key), f.raw[key])
	p := &padding{
		left: g.oneOf("direction", "", "Left", "Right") == "Left", multiple: optional(g, "pad_to_multiple_of", 0),
		id: want[int32](g, "pad_id"), kind: want[int32](g, "pad_type_id"), token: want[string](g, "pad_token"),
	}
	g.asked["strategy"] = true
	var name string
	var fixed struct{ Fixed *int }
	switch raw := g.raw["strategy"]; {
	case json.Unmarshal(raw, &name) == nil && name == "BatchLongest":
	case json.Unmarshal(raw, &fixed) == nil && fixed.Fixed != nil && *fixed.Fixed >= 0 && *fixed.Fixed <= maxPadding:
		p.fixed = *fixed.Fixed
	default:
		g.fail(ErrUnsupported, "strategy", `want "BatchLongest" or {"Fixed": n} with n from 0 to %d, got %s`, maxPadding, excerpt(raw))
	}
	if p.multiple < 0 || p.multiple > maxPadding {
		g.fail(ErrFormat, "pad_to_multiple_of", "got %d, want 0 to %d", p.multiple, maxPadding)
	}
	if err := g.done(); err != nil && f.err == nil {
		f.err = err
	}
	return p
}

// maxPadding bounds what a file can ask for every text to be made.
const maxPadding = 1 << 16

// Write writes a tokenizer.json that the reference reads to the same behaviour. Of a SentencePiece model it writes the file that it was
// read from.
func (t *Tokenizer) Write(w io.Writer) error {
	if t.file != nil {
		_, err := w.Write(t.file)
		return err
	}
	out := written{"version", "1.0", "truncation", nil, "padding", nil, "added_tokens", nil}
	if tr := t.truncation; tr != nil {
		out[3] = written{"direction", side(tr.left), "max_length", tr.length, "strategy", tr.strategy, "stride", tr.stride}
	}
	if p := t.padding; p != nil {
		var strategy, multiple any = "BatchLongest", nil
		if p.fixed > 0 {
			strategy = written{"Fixed", p.fixed}
		}
		if p.multiple > 0 {
			multiple = p.multiple
		}
		out[5] = written{"strategy", strategy, "direction", side(p.left), "pad_to_multiple_of", multiple, "pad_id", p.id,
			"pad_type_id", p.kind, "pad_token", p.token}
	}
	added := []written{}
	for _, a := range t.added {
		added = append(added, written{"id", a.ID, "content", a.Content, "single_word", a.SingleWord, "lstrip", a.LStrip, "rstrip", a.RStrip,
			"normalized", a.Normalized, "special", a.Special})
	}
	out[7] = added
	out = append(out, "normalizer", writeNormalizer(t.normalizer), "pre_tokenizer", writePreTokenizer(t.pre),
		"post_processor", writePostProcessor(t.post), "decoder", writeDecoder(t.decoder), "model", writeModel(t.model))
	raw, err := out.MarshalJSON()
	if err != nil {
		return fmt.Errorf("write tokenizer.json: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, raw, "", "  "); err != nil {
		return fmt.Errorf("write tokenizer.json: %w", err)
	}
	pretty.WriteByte('\n')
	_, err = w.Write(pretty.Bytes())
	return err
}

func side(left bool) string {
	if left {
		return "Left"
	}
	return "Right"
}
