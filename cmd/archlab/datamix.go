package main

import (
	"fmt"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

// mix makes the batches of a mixture and records what each source gives. Validation and test stay those of all sources together, in the
// proportions of their texts: what models are judged by does not depend on how training data are weighted.
func (d *dataset) mix(file *experiment.File, corpus *data.Corpus, open trainText, shape data.BatchConfig) error {
	x := file.Data.Mixture
	var sizes []int64
	for _, s := range corpus.Sources {
		sizes = append(sizes, s.Bytes[data.Train])
	}
	weights := data.TemperatureWeights(sizes, x.Temperature)
	total := 0.0
	for i, s := range x.Sources {
		if s.Weight > 0 {
			weights[i] = s.Weight
		}
		total += weights[i]
	}
	var shares []data.Share
	var texts []data.TrainText
	for i, s := range corpus.Sources {
		text, err := open(corpus.Source(i))
		if err != nil {
			return err
		}
		texts = append(texts, text)
		d.info.TrainTokens += int64(text.Len())
		shares = append(shares, data.Share{Name: s.Name, Weight: weights[i] / total, Epochs: x.Sources[i].Epochs})
		info := record.Source{Name: s.Name, Checksum: s.Checksum, Weight: weights[i] / total, MaxEpochs: x.Sources[i].Epochs, TrainTokens: int64(text.Len())}
		for k := range s.Bytes {
			info.Bytes += s.Bytes[k]
			info.Documents += s.Documents[k]
		}
		d.info.Sources = append(d.info.Sources, info)
	}
	d.info.TrainTokens -= int64(len(texts) - 1) // one after the other they share the ends of documents between them
	m, err := data.NewMixture(texts, shares, shape)
	if err != nil {
		return err
	}
	d.batch, d.steps = m.Batch, max(1, m.Windows()/shape.B)
	if file.Train.Budget.Tokens == 0 {
		d.note(0)
		return nil
	}
	steps, err := file.Budget().Steps(shape.B*shape.T, 0)
	if err != nil {
		return err
	}
	sequences := uint64(steps) * uint64(shape.B)
	if have := m.Sequences(); have > 0 && sequences > have {
		p := file.Problem("train.budget.tokens", "got %d tokens, the mixture has %d before every source has reached its epochs", file.Train.Budget.Tokens, have*uint64(shape.T))
		p.Hint = "allow more epochs of a source, or spend less"
		return p
	}
	for i, part := range m.Parts(sequences) {
		d.info.Sources[i].Share = float64(part.Sequences) / float64(sequences)
		d.info.Sources[i].Epochs = part.Epochs
	}
	d.note(sequences)
	return nil
}

// note says in words what a mixture takes of its sources.
func (d *dataset) note(sequences uint64) {
	for _, s := range d.info.Sources {
		n := fmt.Sprintf("source %s: weight %.1f%%, %d documents, %d bytes, %d tokens to train on", s.Name, 100*s.Weight, s.Documents, s.Bytes, s.TrainTokens)
		if sequences > 0 {
			n += fmt.Sprintf("; %.1f%% of the sequences, %.2f epochs", 100*s.Share, s.Epochs)
		}
		if s.MaxEpochs > 0 {
			n += fmt.Sprintf(" (at most %g)", s.MaxEpochs)
		}
		d.info.Notes = append(d.info.Notes, n)
	}
}
