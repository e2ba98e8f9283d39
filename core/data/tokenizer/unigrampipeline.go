package tokenizer

import (
	"context"
	"errors"
	"slices"
)

// byteNameAlphabet are the characters that bytes' pieces are written in.
const byteNameAlphabet = "<0x123456789ABCDEF>"

// trainUnigram learns pieces and puts them into a pipeline that loses nothing: words keep the space before them as it is, where
// SentencePiece would write U+2581 for it and could not tell the two apart, no normalizer changes the text, and what is no piece is
// written in bytes.
//
// In the Rust reference the names of bytes, such as <0x41>, are pieces like others, so that they could be found in a text that has them.
// Their score keeps them out: it is below that of any cut into characters, and the characters that they are written in are pieces.
func trainUnigram(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	cut, err := cutBy(cfg.Pattern)
	if err != nil {
		return nil, err
	}
	counted, err := countWords(ctx, each, cut)
	if err != nil {
		return nil, err
	}
	var words []wordCount
	for i, w := range counted.words {
		if cfg.MaxWord == 0 || int(w.n) <= cfg.MaxWord {
			words = append(words, wordCount{string(counted.word(i)), w.count})
		}
	}
	const unk = "<unk>"
	front := slices.Clone(cfg.Special)
	if !slices.Contains(front, unk) {
		front = append(front, unk)
	}
	ids := map[string]int32{}
	for i, s := range front {
		ids[s] = int32(i)
	}
	for b := range 256 {
		front = append(front, bytePiece(byte(b)))
	}
	training := unigramTraining{
		size: cfg.Vocab - len(front), coverage: cfg.Coverage, alphabet: cfg.LimitAlphabet, required: byteNameAlphabet,
		longest: cfg.MaxTokenLength, least: int64(cfg.MinFrequency),
		refuse: func(piece string) bool { return slices.Contains(front, piece) },
	}
	if cfg.MaxTokenLength > 0 {
		training.longest = max(cfg.MaxTokenLength-1, 2)
	}
	pieces, err := trainPieces(ctx, words, training)
	if few := (*tooFewPieces)(nil); errors.As(err, &few) {
		return nil, errorf(ErrConfig, "vocab", "got %d, want at least %d: the bytes, the special tokens and %d characters", cfg.Vocab,
			len(front)+few.characters, few.characters)
	} else if err != nil {
		return nil, err
	}
	never := (len(bytePiece(0)) + 1) * int(pieces[len(pieces)-1].Score-1)
	model := UnigramConfig{UnkID: int(ids[unk]), ByteFallback: true}
	for _, s := range front {
		model.Pieces = append(model.Pieces, ScoredPiece{s, float64(never)})
	}
	model.Pieces = append(model.Pieces, pieces...)
	p := parts{decoder: decodeSequence{decodeByteFallback{}, decodeFuse{}}, added: specials(cfg.Special, ids)}
	if p.pre, err = byPattern(cfg.Pattern); err != nil {
		return nil, err
	}
	if p.model, err = NewUnigram(model); err != nil {
		return nil, err
	}
	return assemble(p)
}

// fallsBackWhole says whether every byte has its piece <0x..>, and text that reads like one is cut into other pieces. (Text that reads
// like the unknown piece may be that piece: it is decoded to its name.)
func (u *Unigram) fallsBackWhole() bool {
	if u.unk.bytes == nil || u.unk.id < 0 {
		return false
	}
	for b := range 256 {
		id := u.unk.bytes[b]
		if id < 0 || id == u.unk.id || !u.neverFound(id) {
			return false
		}
	}
	return true
}

// neverFound says whether some cut of a piece into others is better than the piece itself, which then is on no best path.
func (u *Unigram) neverFound(id int32) bool {
	for _, s := range u.NBest([]byte(u.pieces[id].Piece), 2) {
		if s.Score > u.scores[id] && (len(s.Pieces) > 1 || s.Pieces[0].ID != id) {
			return true
		}
	}
	return false
}
