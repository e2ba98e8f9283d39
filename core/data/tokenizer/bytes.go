package tokenizer

import (
	"context"
	"sync"
)

// Bytes answers the tokenizer whose ids 0 to 255 are the bytes; 256 is <|endoftext|>.
var Bytes = sync.OnceValue(func() *Tokenizer {
	none := func(func([]byte) error) error { return nil }
	t, err := Train(context.Background(), TrainConfig{Kind: "bpe", Vocab: 257, Special: []string{"<|endoftext|>"}, ByteOrder: true}, none)
	if err != nil {
		panic(err) // there is nothing that could vary
	}
	return t
})
