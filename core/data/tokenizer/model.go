package tokenizer

// Piece is one token of a word.
type Piece struct {
	ID  int32
	End int32 // bytes of the word up to the token's end; a piece begins where the last one ended
}

// Model cuts one word (a pre-token, already normalized) into pieces. It is safe for concurrent use.
type Model interface {
	// Append appends the pieces of a word. The same word has the same pieces every time.
	Append(dst []Piece, word []byte) []Piece
	// Token is what an id stands for, as written in tokenizer.json's vocabulary.
	Token(id int32) (string, bool)
	ID(token string) (int32, bool)
	// Size is the largest id + 1.
	Size() int
}
