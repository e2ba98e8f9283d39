package data

import (
	"crypto/sha256"
	"encoding/hex"
)

// Tokenizer maps text to token ids and back. Decode(Encode(x)) == x for every byte string x, unless it is Lossy. Implementations
// are safe for concurrent use.
type Tokenizer interface {
	Name() string // for people, e.g. "bytes" or "bpe-2048"
	Vocab() int   // number of ids, the end-of-document token included
	EOD() int32   // the id that separates documents
	// Encode appends the ids of text to dst. It never produces EOD. It may panic with a *tokenizer.PatternError.
	Encode(dst []int32, text []byte) []int32
	// Decode appends the text of ids to dst. EOD and ids outside the vocabulary stand for no text.
	Decode(dst []byte, ids []int32) []byte
	// TokenBytes is the number of bytes of text that an id stands for; 0 for EOD. Summed over the targets it is the
	// denominator of bits per byte.
	TokenBytes(id int32) int
	// Fingerprint identifies the mapping: equal fingerprints encode every text alike. A checkpoint is only usable with the
	// tokenizer whose fingerprint it recorded.
	Fingerprint() string
}

// Lossy is a Tokenizer whose ids do not tell how many bytes of text they stand for, since it changes the text (lowercases, normalizes) or
// does not know all of it: one unknown token stands for any word. Decode(Encode(x)) need not be x. The bytes of a token are then those
// from the end of the token before it to its own end in the text itself, so that they add up to the text. TokenBytes has no meaning.
type Lossy interface {
	Tokenizer
	// EncodeSpans appends the id of each token of text and the bytes that it stands for, by turns; rest is the number of bytes
	// that follow the last token.
	EncodeSpans(dst []int32, text []byte) (out []int32, rest int)
}

// PromptTokens encodes a prompt as the start of a document: EOD, then the text.
func PromptTokens(tok Tokenizer, text []byte) []int32 {
	return tok.Encode([]int32{tok.EOD()}, text)
}

const (
	eodID      = 256 // of Bytes: the ids below are the 256 bytes
	bytesVocab = 257
)

// Bytes is the tokenizer whose tokens are the 256 bytes, and EOD.
type Bytes struct{}

// Name is "bytes".
func (Bytes) Name() string { return "bytes" }

// Vocab is 257.
func (Bytes) Vocab() int { return bytesVocab }

// EOD is 256.
func (Bytes) EOD() int32 { return eodID }

// Encode appends one id for each byte.
func (Bytes) Encode(dst []int32, text []byte) []int32 {
	for _, b := range text {
		dst = append(dst, int32(b))
	}
	return dst
}

// Decode appends one byte for each id below 256.
func (Bytes) Decode(dst []byte, ids []int32) []byte {
	for _, id := range ids {
		if id >= 0 && id < eodID {
			dst = append(dst, byte(id))
		}
	}
	return dst
}

// TokenBytes is 1 for a byte and 0 for EOD.
func (Bytes) TokenBytes(id int32) int {
	if id >= 0 && id < eodID {
		return 1
	}
	return 0
}

// Fingerprint is constant: the SHA-256 of a name.
func (Bytes) Fingerprint() string {
	sum := sha256.Sum256([]byte("archlab tokenizer 1\nbytes\n"))
	return hex.EncodeToString(sum[:])
}
