package tokenizer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

func readModel(where string, raw json.RawMessage) (Model, error) {
	f := object(where, raw)
	kind := ""
	if f.has("type") {
		kind = want[string](f, "type")
	} else {
		// Files of the first versions leave the type out.
		switch _, list := f.raw["vocab"], f.raw["merges"] != nil; {
		case list:
			kind = "BPE"
		case f.raw["unk_id"] != nil:
			kind = "Unigram"
		case f.raw["continuing_subword_prefix"] != nil:
			kind = "WordPiece"
		default:
			kind = "WordLevel"
		}
	}
	var m Model
	var err error
	switch kind {
	case "BPE":
		cfg := BPEConfig{
			Unk: optional(f, "unk_token", ""), FuseUnk: optional(f, "fuse_unk", false), ByteFallback: optional(f, "byte_fallback", false),
			IgnoreMerges: optional(f, "ignore_merges", false), Prefix: optional(f, "continuing_subword_prefix", ""),
			Suffix: optional(f, "end_of_word_suffix", ""), Dropout: optional(f, "dropout", 0.0),
		}
		cfg.Vocab, cfg.Merges = readVocabAndMerges(f)
		if err = f.done(); err == nil {
			m, err = NewBPE(cfg)
		}
	case "WordPiece":
		cfg := WordPieceConfig{f.vocab("vocab"), want[string](f, "unk_token"), want[string](f, "continuing_subword_prefix"),
			want[int](f, "max_input_chars_per_word")}
		if err = f.done(); err == nil {
			m, err = NewWordPiece(cfg)
		}
	case "WordLevel":
		cfg := WordLevelConfig{f.vocab("vocab"), want[string](f, "unk_token")}
		if err = f.done(); err == nil {
			m, err = NewWordLevel(cfg)
		}
	case "Unigram":
		cfg := UnigramConfig{Pieces: readPieces(f, "vocab"), UnkID: optional(f, "unk_id", -1), ByteFallback: optional(f, "byte_fallback", false)}
		if err = f.done(); err == nil {
			m, err = NewUnigram(cfg)
		}
	default:
		f.fail(ErrUnsupported, "type", "unknown model %q", kind)
		err = f.err
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// readVocabAndMerges reads the two at once: together they are nearly all of a file.
func readVocabAndMerges(f *fields) (map[string]int32, [][2]string) {
	g := &fields{where: f.where, raw: f.raw, asked: map[string]bool{}}
	var merges [][2]string
	var wg sync.WaitGroup
	wg.Go(func() { merges = readMerges(g, "merges") })
	vocab := f.vocab("vocab")
	wg.Wait()
	f.asked["merges"] = true
	f.err = cmp.Or(f.err, g.err)
	return vocab, merges
}

// readMerges reads [["a", "b"], ...], or ["a b", ...] as files before tokens with spaces have it.
func readMerges(f *fields, key string) [][2]string {
	pairs, lines, wrong, ok := pairsOf(f.raw[key])
	f.asked[key] = true
	switch {
	case ok && lines == nil:
		return pairs
	case wrong != nil:
		what := "a pair of strings"
		if lines != nil {
			what = "a string, as before it"
		}
		f.fail(ErrFormat, fmt.Sprintf("%s[%d]", key, len(pairs)+len(lines)), "got %s, want %s", excerpt(wrong), what)
		return nil
	case !ok:
		want[[]string](f, key) // which says what is wrong
		return nil
	}
	out := make([][2]string, 0, len(lines))
	for i, line := range lines {
		if strings.HasPrefix(line, "#version") {
			continue
		}
		left, right, ok := strings.Cut(line, " ")
		if !ok || strings.Contains(right, " ") {
			f.fail(ErrFormat, fmt.Sprintf("%s[%d]", key, i), "got %s, want two tokens with a space between them", excerpt(strconv.AppendQuote(nil, line)))
			return nil
		}
		out = append(out, [2]string{left, right})
	}
	return out
}

// readPieces reads [["a", -1.5], ...].
func readPieces(f *fields, key string) []ScoredPiece {
	if pieces, ok := piecesOf(f.raw[key]); ok {
		f.asked[key] = true
		return pieces
	}
	return piecesByJSON(f, key)
}

// piecesByJSON is readPieces by encoding/json, which names what is wrong.
func piecesByJSON(f *fields, key string) (out []ScoredPiece) {
	for i, p := range want[[]json.RawMessage](f, key) {
		var pair []json.RawMessage
		var piece string
		var of score
		if json.Unmarshal(p, &pair) != nil || len(pair) != 2 || isNull(pair[0]) || isNull(pair[1]) || json.Unmarshal(pair[0], &piece) != nil || json.Unmarshal(pair[1], &of) != nil {
			f.fail(ErrFormat, key, "want a piece and its score, got %s as number %d", excerpt(p), i)
			return nil
		}
		out = append(out, ScoredPiece{piece, float64(of)})
	}
	return out
}

// writeModel answers the form of a model, large parts last; nil for one that tokenizer.json can't hold.
func writeModel(m Model) any {
	switch m := m.(type) {
	case *BPE:
		cfg := m.Config()
		merges := cfg.Merges
		if merges == nil {
			merges = [][2]string{}
		}
		return written{"type", "BPE", "dropout", orNull(cfg.Dropout), "unk_token", orNull(cfg.Unk), "continuing_subword_prefix", orNull(cfg.Prefix),
			"end_of_word_suffix", orNull(cfg.Suffix), "fuse_unk", cfg.FuseUnk, "byte_fallback", cfg.ByteFallback,
			"ignore_merges", cfg.IgnoreMerges, "vocab", writeVocab(cfg.Vocab), "merges", merges}
	case *WordPiece:
		return written{"type", "WordPiece", "unk_token", m.cfg.Unk, "continuing_subword_prefix", m.cfg.Prefix,
			"max_input_chars_per_word", m.cfg.MaxChars, "vocab", writeVocab(m.cfg.Vocab)}
	case *WordLevel:
		return written{"type", "WordLevel", "vocab", writeVocab(m.cfg.Vocab), "unk_token", m.cfg.Unk}
	case *Unigram:
		cfg := m.Config()
		var unk any
		if cfg.UnkID >= 0 {
			unk = cfg.UnkID
		}
		pieces := [][2]any{}
		for _, p := range cfg.Pieces {
			pieces = append(pieces, [2]any{p.Piece, score(p.Score)})
		}
		return written{"type", "Unigram", "unk_id", unk, "vocab", pieces, "byte_fallback", cfg.ByteFallback}
	}
	return nil
}

func orNull[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}

// writeVocab writes a vocabulary by id.
func writeVocab(vocab map[string]int32) written {
	type entry struct {
		token string
		id    int32
	}
	list := make([]entry, 0, len(vocab))
	for token, id := range vocab {
		list = append(list, entry{token, id})
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Or(cmp.Compare(a.id, b.id), strings.Compare(a.token, b.token)) })
	out := make(written, 0, 2*len(list))
	for _, e := range list {
		out = append(out, e.token, e.id)
	}
	return out
}
