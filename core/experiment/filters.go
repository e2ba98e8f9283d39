package experiment

import (
	"errors"
	"fmt"

	"github.com/archlab/archlab/core/data"
)

// Mixture is several corpora, each with its part of the batches.
type Mixture struct {
	Sources     []Source `key:"sources" required:"true" min:"1" max:"64" doc:"The corpora that are mixed. Of equal documents in several of them the first is kept."`
	Temperature float64  `key:"temperature" default:"1" over:"0" max:"1000000" doc:"τ: without weights a source's part is proportional to size^(1/τ), of its training text in bytes. 1 is by size; larger values favour small sources."`
}

// Source is a corpus in a mixture.
type Source struct {
	Name       string   `key:"name" required:"true" enum:"corpora" doc:"As in corpus."`
	Path       string   `key:"path" doc:"As in corpus. Relative to the experiment file."`
	Field      string   `key:"field" doc:"As in corpus."`
	ID         string   `key:"id" doc:"As in corpus."`
	Extensions []string `key:"extensions" max:"64" doc:"As in corpus."`
	MaxBytes   int64    `key:"max_bytes" default:"0" min:"0" unit:"bytes" doc:"As in corpus."`
	Weight     float64  `key:"weight" min:"0" max:"1e9" doc:"Its part of the sequences, relative to the others' weights. All sources have one, or none; then temperature decides."`
	Epochs     float64  `key:"epochs" min:"0" max:"1e9" doc:"Passes over it at most; then the others take over its part. 0: no limit."`
}

// Filters leave documents out of all sources.
type Filters struct {
	C4            *C4            `key:"c4" doc:"The heuristics of C4 for web pages (Raffel et al. 2020): takes out lines, then leaves out pages."`
	Length        *Length        `key:"length" doc:"Bounds on the size of documents."`
	Gopher        *Gopher        `key:"gopher" doc:"The quality rules of Gopher (Rae et al. 2021, appendix A.1.1), apart from its stop words, which are English."`
	Repetition    *Repetition    `key:"repetition" doc:"The repetition rules of Gopher (Rae et al. 2021, table A1)."`
	Exact         bool           `key:"exact" default:"false" doc:"Keep one of documents that are equal byte by byte. Source code and mixtures always do."`
	Near          *Near          `key:"near" doc:"Keep one of documents that are nearly equal: MinHash in bands finds them, the exact Jaccard index of their n-grams decides."`
	Decontaminate *Decontaminate `key:"decontaminate" doc:"Leave out training documents that share an n-gram of words with validation, test or task files."`
}

// Length bounds documents.
type Length struct {
	MinBytes int `key:"min_bytes" default:"0" min:"0" max:"67108864" unit:"bytes" doc:"Shorter documents are left out."`
	MaxBytes int `key:"max_bytes" default:"0" min:"0" max:"67108864" unit:"bytes" doc:"Longer documents are left out; 0: none."`
}

// Gopher holds thresholds; the defaults are the paper's.
type Gopher struct {
	MinWords         int     `key:"min_words" default:"50" min:"0" max:"1000000000" doc:"Fewest words, as white space separates them."`
	MaxWords         int     `key:"max_words" default:"100000" min:"0" max:"1000000000" doc:"Most words; 0: no bound."`
	MinWordLength    float64 `key:"min_word_length" default:"3" min:"0" max:"1000" doc:"Fewest characters a word in the mean."`
	MaxWordLength    float64 `key:"max_word_length" default:"10" min:"0" max:"1000" doc:"Most characters a word in the mean; 0: no bound."`
	MaxSymbols       float64 `key:"max_symbols" default:"0.1" min:"0" max:"1000" doc:"Most '#' a word, and ellipses a word."`
	MaxBulletLines   float64 `key:"max_bullet_lines" default:"0.9" min:"0" max:"1" unit:"fraction" doc:"Largest part of lines that begin with a bullet."`
	MaxEllipsisLines float64 `key:"max_ellipsis_lines" default:"0.3" min:"0" max:"1" unit:"fraction" doc:"Largest part of lines that end with an ellipsis."`
	MinAlphabetic    float64 `key:"min_alphabetic" default:"0.8" min:"0" max:"1" unit:"fraction" doc:"Smallest part of words with a letter."`
}

// Repetition holds thresholds; the defaults are the paper's.
type Repetition struct {
	MaxLines          float64   `key:"max_lines" default:"0.3" min:"0" max:"1" unit:"fraction" doc:"Largest part of lines that stood in the document before."`
	MaxParagraphs     float64   `key:"max_paragraphs" default:"0.3" min:"0" max:"1" unit:"fraction" doc:"Largest part of paragraphs that stood in the document before."`
	MaxLineChars      float64   `key:"max_line_chars" default:"0.2" min:"0" max:"1" unit:"fraction" doc:"Largest part of characters in such lines."`
	MaxParagraphChars float64   `key:"max_paragraph_chars" default:"0.2" min:"0" max:"1" unit:"fraction" doc:"Largest part of characters in such paragraphs."`
	MaxTop            []float64 `key:"max_top" default:"[0.2, 0.18, 0.16]" min:"3" max:"3" unit:"fraction" doc:"For n = 2, 3, 4: largest part of characters in the most frequent n-gram of words; 1: no bound."`
	MaxNGrams         []float64 `key:"max_ngrams" default:"[0.15, 0.14, 0.13, 0.12, 0.11, 0.1]" min:"6" max:"6" unit:"fraction" doc:"For n = 5 to 10: largest part of characters in n-grams that stood in the document before; 1: no bound."`
}

// C4 holds settings; the defaults are the paper's.
type C4 struct {
	MinLineWords int    `key:"min_line_words" default:"5" min:"0" max:"1000" doc:"Lines of fewer words are taken out."`
	Terminal     bool   `key:"terminal" default:"true" doc:"Take out lines that do not end in a terminal punctuation mark."`
	MinSentences int    `key:"min_sentences" default:"3" min:"0" max:"1000" doc:"Pages of which fewer sentences are left are left out."`
	Phrases      bool   `key:"phrases" default:"true" doc:"Take out lines about JavaScript, cookies and terms of use; leave out pages with lorem ipsum or a brace."`
	Citations    bool   `key:"citations" default:"true" doc:"Take out Wikipedia's markers such as [1] and [edit]."`
	Words        string `key:"words" doc:"A file of words or phrases, one a line: pages that have any are left out, as those with words of a public list are in C4. Relative to the experiment file."`
}

// Near holds the setting of near-duplicate removal.
type Near struct {
	Words     int     `key:"words" default:"5" min:"1" max:"64" doc:"n of the n-grams of words."`
	Hashes    int     `key:"hashes" default:"112" min:"1" max:"4096" doc:"MinHash functions, a multiple of bands."`
	Bands     int     `key:"bands" default:"14" min:"1" max:"4096" doc:"Documents that agree in all functions of one band are compared."`
	Threshold float64 `key:"threshold" default:"0.8" over:"0" max:"1" unit:"fraction" doc:"Jaccard index from which documents count as nearly equal."`
}

// Decontaminate holds the rule of overlap with evaluation sets.
type Decontaminate struct {
	Words  int      `key:"words" default:"13" min:"1" max:"64" doc:"n of the n-grams of words (Brown et al. 2020: 13)."`
	Common int      `key:"common" default:"10" min:"0" max:"254" doc:"An n-gram in more training documents than this is a common phrase and no evidence; 0: none is."`
	Splits bool     `key:"splits" default:"true" doc:"Compare with the corpus's own validation and test."`
	Files  []string `key:"files" max:"1000" doc:"Task files to compare with: JSON lines or text. Relative to the experiment file."`
}

// Config is the filters in the corpus's terms, with files as Resolve answers them.
func (f *Filters) Config(resolve func(string) string) (out data.Filters) {
	if f == nil {
		return out
	}
	out.Exact = f.Exact
	if c := f.C4; c != nil {
		out.C4 = &data.C4{MinLineWords: c.MinLineWords, Terminal: c.Terminal, MinSentences: c.MinSentences, Phrases: c.Phrases, Citations: c.Citations}
		if c.Words != "" {
			out.C4.Words = resolve(c.Words)
		}
	}
	if l := f.Length; l != nil {
		out.Length = &data.Length{MinBytes: l.MinBytes, MaxBytes: l.MaxBytes}
	}
	if g := f.Gopher; g != nil {
		out.Gopher = &data.Gopher{MinWords: g.MinWords, MaxWords: g.MaxWords, MinWordLength: g.MinWordLength, MaxWordLength: g.MaxWordLength,
			MaxSymbols: g.MaxSymbols, MaxBulletLines: g.MaxBulletLines, MaxEllipsisLines: g.MaxEllipsisLines, MinAlphabetic: g.MinAlphabetic}
	}
	if r := f.Repetition; r != nil {
		out.Repetition = &data.Repetition{MaxLines: r.MaxLines, MaxParagraphs: r.MaxParagraphs, MaxLineChars: r.MaxLineChars, MaxParagraphChars: r.MaxParagraphChars}
		copy(out.Repetition.MaxTop[:], r.MaxTop)
		copy(out.Repetition.MaxNGrams[:], r.MaxNGrams)
	}
	if n := f.Near; n != nil {
		out.Near = &data.Near{Words: n.Words, Hashes: n.Hashes, Bands: n.Bands, Threshold: n.Threshold}
	}
	if d := f.Decontaminate; d != nil {
		out.Decontaminate = &data.Decontaminate{Words: d.Words, Common: d.Common, Splits: d.Splits}
		for _, path := range d.Files {
			out.Decontaminate.Files = append(out.Decontaminate.Files, resolve(path))
		}
	}
	return out
}

// Sources lists the corpora of the file, one or those of the mixture, in the corpus's terms; none where it has a task.
func (f *File) Sources() (out []data.CorpusConfig) {
	x := f.Data
	if c := x.Corpus; c != nil {
		return []data.CorpusConfig{{Kind: c.Name, Path: f.Resolve(c.Path), Field: c.Field, ID: c.ID, Extensions: c.Extensions, MaxBytes: c.MaxBytes, Contiguous: c.Split == "contiguous"}}
	}
	if x.Mixture != nil {
		for _, s := range x.Mixture.Sources {
			out = append(out, data.CorpusConfig{Kind: s.Name, Path: f.Resolve(s.Path), Field: s.Field, ID: s.ID, Extensions: s.Extensions, MaxBytes: s.MaxBytes})
		}
	}
	return out
}

// Paths lists the paths of the file that name data and questions, to be changed in place.
func (f *File) Paths() (out []*string) {
	x := &f.Data
	if x.Corpus != nil {
		out = append(out, &x.Corpus.Path)
	}
	if x.Mixture != nil {
		for i := range x.Mixture.Sources {
			out = append(out, &x.Mixture.Sources[i].Path)
		}
	}
	if x.Filters != nil && x.Filters.C4 != nil {
		out = append(out, &x.Filters.C4.Words)
	}
	if x.Filters != nil && x.Filters.Decontaminate != nil {
		for i := range x.Filters.Decontaminate.Files {
			out = append(out, &x.Filters.Decontaminate.Files[i])
		}
	}
	for i := range f.Eval.Suites {
		out = append(out, &f.Eval.Suites[i].File)
	}
	return out
}

// checkText looks across the keys of corpora and filters.
func (d *decoder) checkText(x *Data) {
	if c := x.Corpus; c != nil {
		d.checkSource("data.corpus", Source{Name: c.Name, Path: c.Path, Field: c.Field, ID: c.ID, Extensions: c.Extensions})
		_, known := data.FindKnown(c.Name)
		switch {
		case c.Split == "contiguous" && c.Name != "text" && !known:
			d.checkf("data.corpus.split", "", "the corpus %s is divided by content alone", c.Name)
		case c.Split == "contiguous" && c.MaxBytes > 0:
			d.checkf("data.corpus.max_bytes", "", "a contiguous split keeps all of the text; remove the key")
		}
	}
	if m := x.Mixture; m != nil {
		weighted := 0
		for i, s := range m.Sources {
			d.checkSource(fmt.Sprintf("data.mixture.sources[%d]", i), s)
			if s.Weight > 0 {
				weighted++
			} else if d.at[fmt.Sprintf("data.mixture.sources[%d].weight", i)] != nil {
				d.checkf(fmt.Sprintf("data.mixture.sources[%d].weight", i), "leave the source out", "got 0, want more")
			}
		}
		switch {
		case weighted > 0 && weighted < len(m.Sources):
			d.checkf("data.mixture.sources", "", "%d of %d sources have a weight; give all of them one, or none", weighted, len(m.Sources))
		case weighted > 0 && m.Temperature != 1:
			d.checkf("data.mixture.temperature", "", "the sources have weights, which decide alone; remove the key or the weights")
		}
	}
	if x.Filters == nil {
		return
	}
	if x.Task != nil {
		d.checkf("data.filters", "", "a task has no documents to filter; remove the key")
		return
	}
	var bad *data.Error
	if err := x.Filters.Config(func(p string) string { return p }).Check(); errors.As(err, &bad) {
		d.checkf("data.filters."+bad.Where, "", "%s", bad.Message)
	}
}

// checkSource holds a corpus against what its kind understands.
func (d *decoder) checkSource(path string, s Source) {
	_, known := data.FindKnown(s.Name)
	refuse := func(key, value, hint string) {
		if value != "" {
			d.checkf(path+"."+key, hint, "the corpus %s takes no %s", s.Name, key)
		}
	}
	switch {
	case s.Name == "text" && s.Path == "", s.Name == "code" && s.Path == "":
		d.checkf(path, "", "missing key %q: the corpus %s is files of yours", "path", s.Name)
	case s.Name == "gosrc":
		refuse("path", s.Path, "use corpus text or code for files of yours")
	}
	if s.Name == "gosrc" || s.Name == "code" {
		refuse("field", s.Field, "")
		refuse("id", s.ID, "")
	}
	if s.Name != "code" && len(s.Extensions) > 0 {
		d.checkf(path+".extensions", "", "the corpus %s takes no extensions", s.Name)
	}
	if known {
		refuse("field", s.Field, "it is known what its files hold")
		refuse("id", s.ID, "it is known what its files hold")
	}
}
