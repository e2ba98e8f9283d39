// Package tokenizer maps text to token ids and back exactly as the reference implementations do: Hugging Face's tokenizers
// (tokenizer.json), tiktoken (rank files) and SentencePiece (.model files).
//
// A tokenizer is Hugging Face's pipeline: added tokens are found in the text; what lies between them is normalized, cut into words
// by a pre-tokenizer, and each word is cut into pieces by a Model (BPE, WordPiece, WordLevel, Unigram). A post-processor adds special
// tokens; a decoder goes the way back.
//
//	tok, err := tokenizer.Load("tokenizer.json")
//	ids := tok.AppendIDs(nil, text)
//	text = tok.Decode(nil, ids, false)
//
// # Bytes, not strings
//
// The references take strings, so bytes that are not UTF-8 reach them as U+FFFD. Here text is bytes: byte-level models and models
// with byte fallback take any byte as it is, and give it back (Lossless says when that is promised of a whole tokenizer). To others
// each maximal subpart of a broken character is one U+FFFD, as it is to a decoder of strings. All offsets count bytes of the input.
//
// It is not a place for the tokenizers of an experiment (core/data has those) and it downloads nothing.
package tokenizer
