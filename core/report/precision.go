package report

import (
	"fmt"
	"path"
	"slices"

	"github.com/archlab/archlab/core/family"
)

// narrow says that a model kept its activations in 16 bits.
func narrow(r Row) bool {
	return !r.Control && (r.Card.Precision == family.BF16 || r.Card.Precision == family.FP16)
}

// precision is a row's cell.
func precision(r Row) string {
	if r.Control || r.Card.Precision == "" {
		return dash
	}
	return string(r.Card.Precision)
}

// arithmetic says of each run's precisions of 16 bits where they were a way of storing and not of computing.
func arithmetic(rep *Report) []string {
	var notes []string
	for _, run := range rep.Runs {
		name := path.Join(run.Name, run.ID)
		for _, p := range []family.Precision{family.BF16, family.FP16} {
			used := slices.ContainsFunc(rep.Rows, func(r Row) bool { return narrow(r) && r.Card.Precision == p && r.Run == name })
			if !used || p == family.BF16 && slices.Contains(run.Machine.Features, "avx512bf16") {
				continue
			}
			why := "archlab has no arithmetic of that format"
			if p == family.BF16 {
				why = "this CPU has no arithmetic of that format"
			}
			notes = append(notes, fmt.Sprintf("%s: %s was a way of storing activations, not of computing with them: %s, so that every product and sum was one of float32. Memory is what it saved", name, p, why))
		}
	}
	return notes
}
