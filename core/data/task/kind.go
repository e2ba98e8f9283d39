package task

import (
	"fmt"
	"slices"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// Kind declares a task: what it asks, where it comes from, its parameters and how its examples are drawn. Each kind has a file of its own.
type Kind struct {
	Name    string
	Suite   string // the publication's suite that it belongs to: "mad", "zoology", "mamba" ...
	Summary string // one line
	Source  string // the publication, with its address
	// Unpublished names what the paper preset adds or changes where the publication does not say or cannot be followed; empty where
	// the preset is the publication's setting throughout.
	Unpublished string
	Params      []Param
	// Examples is the size of the publication's training set: 0 where it draws fresh examples for ever, unsaid where it does not say.
	Examples int
	// Whole says that the publication counts a sequence as right only where all of its answers are.
	Whole bool
	// Scale is the parameter that length extrapolation grows, empty where nothing does.
	Scale string
	// Floor is the smallest value that Scale is drawn down to, where examples differ in length: a test at one length sets both.
	Floor string
	// Odd says that a test at one length has an odd one.
	Odd bool
	// PaperScale lists the values of Scale that the publication tests; nil: that of training alone.
	PaperScale []int
	// Grid lists the settings that the publication tests, where it tests more than lengths: values in place of the paper preset's.
	Grid []Values
	// open checks what the declarations cannot say and answers how examples are drawn.
	open func(Values) (*design, error)
}

const unsaid = -1

// design is how the examples of one task are drawn.
type design struct {
	length, vocab int
	answers       []int32 // the tokens that can be an answer
	contextChance float64 // 0: that of a guess among answers
	// draw fills a cleared example and answers a hash of the problem that it poses, which decides its split.
	draw func(e *Example, r *rng.Source) (problem uint64)
	test func(e *Example, r *rng.Source) (problem uint64) // draw for validation and test where they differ
	// dense trains on every next token; validation and test count answers alone.
	dense bool
	text  *textDesign // nil for tasks without text
}

// Kinds lists the tasks in the order of the documentation.
var Kinds = []*Kind{
	&mqarKind, &inductionKind, &selectiveCopyKind,
	&recallKind, &fuzzyRecallKind, &noisyRecallKind, &madCopyKind, &compressionKind, &memorizationKind,
	&parityKind, &modularKind, &dyckKind, &reverseKind, &sortKind,
	&additionKind, &polynomialKind, &needleKind, &namesKind,
}

// Names lists the names of the kinds.
func Names() []string {
	out := make([]string, len(Kinds))
	for i, k := range Kinds {
		out[i] = k.Name
	}
	return out
}

// Find answers the kind of a name.
func Find(name string) (*Kind, bool) {
	i := slices.IndexFunc(Kinds, func(k *Kind) bool { return k.Name == name })
	if i < 0 {
		return nil, false
	}
	return Kinds[i], true
}

// Config names a task: a kind, one of its presets ("" is "cpu"), and parameters in place of the preset's.
type Config struct {
	Kind   string `json:"kind"`
	Preset string `json:"preset,omitempty"`
	Set    Values `json:"set,omitempty"`
}

// With answers a copy with one parameter set.
func (c Config) With(key string, value float64) Config {
	set := Values{key: value}
	for k, v := range c.Set {
		if k != key {
			set[k] = v
		}
	}
	c.Set = set
	return c
}

// At answers a copy at another length: with another value of the kind's Scale, and of its Floor where it has one.
func (c Config) At(length int) (Config, error) {
	k, ok := Find(c.Kind)
	if !ok {
		_, err := c.Resolve()
		return c, err
	}
	if k.Scale == "" {
		return c, configError("kind", "the task %s has no setting that measures length", c.Kind)
	}
	if k.Floor != "" {
		c = c.With(k.Floor, float64(length))
	}
	return c.With(k.Scale, float64(length)), nil
}

// Resolve answers every parameter's value, or an error at the first key that the kind does not allow.
func (c Config) Resolve() (Values, error) {
	k, ok := Find(c.Kind)
	if !ok {
		return nil, configError("kind", "unknown task %q, want one of %q", c.Kind, Names())
	}
	if c.Preset != "" && !slices.Contains(Presets, c.Preset) {
		return nil, configError("preset", "got %q, want one of %q", c.Preset, Presets)
	}
	out := k.preset(c.Preset)
	for key := range c.Set {
		if _, ok := k.Param(key); !ok {
			return nil, configError(key, "the task %s has no such setting", c.Kind)
		}
	}
	for _, p := range k.Params {
		v, ok := c.Set[p.Key]
		if !ok {
			continue
		}
		if err := p.check(v); err != nil {
			return nil, err
		}
		out[p.Key] = v
	}
	return out, nil
}

// Open checks a config and makes its task.
func Open(cfg Config) (Task, error) {
	values, err := cfg.Resolve()
	if err != nil {
		return nil, err
	}
	k, _ := Find(cfg.Kind)
	d, err := k.open(values)
	if err != nil {
		return nil, err
	}
	t := &drawn{k, values, d}
	for _, split := range []data.Split{data.Train, data.Validation, data.Test} {
		if !draw(split, 0, 0, 1000, func(r *rng.Source) uint64 { return t.generate(split, r, new(newExample(d.length))) }) {
			return nil, configError(k.Params[0].Key, "no %s example in 1000 draws: too few distinct problems for three disjoint splits", split)
		}
	}
	if d.text != nil {
		return verifiable{t}, nil
	}
	return t, nil
}

func configError(key, format string, args ...any) error {
	return &data.Error{Kind: data.ErrConfig, Where: key, Message: fmt.Sprintf(format, args...)}
}
