package tokenizer

import "context"

func trainBytes(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	return nil, nil
}
func trainCharacters(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	return nil, nil
}
func trainWordPiece(ctx context.Context, cfg TrainConfig, each func(func([]byte) error) error) (*Tokenizer, error) {
	return nil, nil
}
