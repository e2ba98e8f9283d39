package tokenizer

// Tokenizer is a pipeline from text to ids and back. It is safe for concurrent use.
type Tokenizer struct {
	parts
}

// parts are what a tokenizer is put together from. All but the model may be nil.
type parts struct {
	normalizer normalizer
	pre        preTokenizer
	model      Model
	post       postProcessor
	decoder    decoder
	added      []AddedToken
}

// AddedToken is a token that is found in the text before the model sees it.
type AddedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // not inside of a word
	LStrip     bool   `json:"lstrip"`      // takes white space on its left along
	RStrip     bool   `json:"rstrip"`      // and on its right
	Normalized bool   `json:"normalized"`  // found in the normalized text
	Special    bool   `json:"special"`     // left out by Decode where asked to
}

type normalizer interface{}

type preTokenizer interface{}

type postProcessor interface{}

type decoder interface{}

// Encoding is an encoded text: one entry a token in each list.
type Encoding struct {
	IDs     []int32
	TypeIDs []int32    // 0, or what the post-processor says (1 for the second text of a pair)
	Offsets [][2]int32 // bytes of the input that the token stands for: from, to
	Words   []int32    // the pre-token that the token is part of, counted in each text of a pair; -1 for special tokens
	Special []bool     // added by the post-processor
}

// assemble puts a tokenizer together. It checks what the parts must agree on.
func assemble(p parts) (*Tokenizer, error) {
	return &Tokenizer{parts: p}, nil
}

// Encode answers the tokens of a text, with the special tokens that the post-processor adds where asked to.
func (t *Tokenizer) Encode(text []byte, special bool) *Encoding { return &Encoding{} }

// EncodePair encodes two texts as one sequence.
func (t *Tokenizer) EncodePair(a, b []byte, special bool) *Encoding { return &Encoding{} }

// AppendIDs appends the ids of a text: the quick way, without special tokens and offsets.
func (t *Tokenizer) AppendIDs(dst []int32, text []byte) []int32 { return dst }

// Decode appends the text of ids. Ids outside of the vocabulary stand for no text; skipSpecial leaves special tokens out.
func (t *Tokenizer) Decode(dst []byte, ids []int32, skipSpecial bool) []byte { return dst }

// Size is the largest id + 1, added tokens included.
func (t *Tokenizer) Size() int { return t.model.Size() }

// Token is what an id stands for, as written in tokenizer.json.
func (t *Tokenizer) Token(id int32) (string, bool) { return t.model.Token(id) }

// ID is the id of a token, as written in tokenizer.json.
func (t *Tokenizer) ID(token string) (int32, bool) { return t.model.ID(token) }

// Lossless says that Decode(AppendIDs(x)) is x for every byte string x.
func (t *Tokenizer) Lossless() bool { return false }
