package report

import (
	"fmt"
	"path"

	"github.com/archlab/archlab/core/record"
)

// paper is what the manifest of a run in its publication's setting says.
const paper = "paper"

// mixed refuses runs of one task of which some are in the publication's setting and others are not: their numbers do not belong in one table.
func mixed(runs []Run) error {
	for i, a := range runs {
		for _, b := range runs[i+1:] {
			if a.Data.Task == "" || a.Data.Task != b.Data.Task || (a.Data.Setting == paper) == (b.Data.Setting == paper) {
				continue
			}
			if a.Data.Setting != paper {
				a, b = b, a
			}
			return fmt.Errorf("report: %s has the paper's setting of the task %s and %s another (%s): their numbers do not belong in one table; report them apart",
				path.Join(a.Name, a.ID), a.Data.Task, path.Join(b.Name, b.ID), b.Data.Setting)
		}
	}
	return nil
}

// setting says of a run's task what its numbers are numbers of; empty for a corpus.
func setting(d record.Data) string {
	if d.Task == "" {
		return ""
	}
	s := fmt.Sprintf("task %s, chance %s", d.Task, percent(d.TaskChance))
	if d.Setting != "" {
		s += ", setting: " + d.Setting
	}
	return s
}
