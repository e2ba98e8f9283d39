package data

// Filters says which documents are left out of a corpus, and why. The zero value keeps all. They apply in the order of the fields, and a document
// counts as removed by the first that objects.
//
// Length, Gopher, Repetition and C4 look at one document at a time. Exact and Near keep one of several documents; Decontaminate compares
// training documents with what models are evaluated on.
type Filters struct {
	C4            *C4 // first, since it edits
	Length        *Length
	Gopher        *Gopher
	Repetition    *Repetition
	Exact         bool // keep one of documents that are equal byte by byte
	Near          *Near
	Decontaminate *Decontaminate
}

// Check refuses settings that mean nothing; the error's Where is the key.
func (f Filters) Check() error {
	for _, c := range []interface{ check() error }{f.C4, f.Length, f.Gopher, f.Repetition, f.Near, f.Decontaminate} {
		if err := c.check(); err != nil {
			return err
		}
	}
	return nil
}

// rule is one reason to leave a document out, by itself.
type rule struct {
	reason string
	fails  func(*facts) bool
}

// rules lists the rules of the filters that look at one document at a time, in order.
func (f Filters) rules() (all []rule) {
	if f.Length != nil {
		all = append(all, f.Length.rules()...)
	}
	if f.Gopher != nil {
		all = append(all, f.Gopher.rules()...)
	}
	if f.Repetition != nil {
		all = append(all, f.Repetition.rules()...)
	}
	return all
}

// judge tells which rules a document breaks, as a bit each: there are fewer than 64.
func judge(rules []rule, f *facts, text []byte) (broken uint64) {
	if len(rules) == 0 {
		return 0
	}
	f.of(text)
	for i, r := range rules {
		if r.fails(f) {
			broken |= 1 << i
		}
	}
	return broken
}

// Length bounds the size of documents.
type Length struct {
	MinBytes int
	MaxBytes int // 0: no bound
}

func (l *Length) check() error {
	if l != nil && (l.MinBytes < 0 || l.MaxBytes < 0 || l.MaxBytes > 0 && l.MaxBytes < l.MinBytes) {
		return errorf(ErrConfig, "length", "got documents of %d to %d bytes, want at least 0 and no less than the least", l.MinBytes, l.MaxBytes)
	}
	return nil
}

func (l *Length) rules() []rule {
	return []rule{
		{"length: too short", func(f *facts) bool { return len(f.text) < l.MinBytes }},
		{"length: too long", func(f *facts) bool { return l.MaxBytes > 0 && len(f.text) > l.MaxBytes }},
	}
}

// Fractions lie in [0,1], counts are not negative; 0 switches a rule off wherever an upper bound of 0 would mean nothing.
func checkFractions(where string, values map[string]float64) error {
	for _, k := range sortedKeys(values) {
		if v := values[k]; !(v >= 0 && v <= 1) {
			return errorf(ErrConfig, where+"."+k, "got %v, want a fraction from 0 to 1", v)
		}
	}
	return nil
}
