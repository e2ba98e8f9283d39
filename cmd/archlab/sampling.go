package main

import (
	"context"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/tokenizer"
	"github.com/archlab/archlab/core/experiment"
)

// sampling is how an experiment's training text is cut at random, or nil.
func sampling(file *experiment.File, tok data.Tokenizer) (*tokenizer.Sampling, error) {
	t := file.Data.Tokenizer
	var how tokenizer.Sampling
	key := "data.tokenizer.dropout"
	switch s, ok := tok.(interface{ Dropout() float64 }); {
	case t.Sampling != nil:
		how, key = tokenizer.Sampling{Alpha: t.Sampling.Alpha, Best: t.Sampling.Best}, "data.tokenizer.sampling"
	case t.Dropout != nil:
		how.Dropout = *t.Dropout
	case ok:
		how.Dropout = s.Dropout() // that of a file's own model
	}
	if t.Sampling == nil && how.Dropout == 0 {
		return nil, nil
	}
	if _, err := data.NewSegmenter(tok, how); err != nil {
		p := file.Problem(key, "%v", err)
		p.Hint = "Unigram models take sampling, BPE models take dropout, others neither"
		return nil, p
	}
	return &how, nil
}

// trainText opens the train split of a corpus, or of one source of a mixture.
type trainText func(*data.Corpus) (data.TrainText, error)

// trainText answers how train splits are opened: as the tokenizer cuts them, or cut anew in each epoch.
func (d *dataset) trainText(ctx context.Context, file *experiment.File, how *tokenizer.Sampling, cache data.Cache) (trainText, error) {
	if how == nil {
		return func(c *data.Corpus) (data.TrainText, error) {
			s, err := data.OpenStream(ctx, c, data.Train, d.tok, cache)
			if err != nil {
				return nil, err
			}
			d.closes = append(d.closes, s.Close)
			return s, nil
		}, nil
	}
	seg, err := data.NewSegmenter(d.tok, *how)
	if err != nil {
		return nil, err
	}
	return func(c *data.Corpus) (data.TrainText, error) {
		r, err := data.OpenResegmented(ctx, c, d.tok, seg, file.Data.Seed, cache)
		if err != nil {
			return nil, err
		}
		d.closes = append(d.closes, r.Close)
		return r, nil
	}, nil
}
