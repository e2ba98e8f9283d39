package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
)

// directory makes a run directory, or takes the newest unfinished one of the same experiment when resuming. It holds the
// lock and the resolved experiment when it returns.
func (o *runOptions) directory(file *experiment.File) (*record.Run, record.Manifest, error) {
	config, err := file.YAML()
	if err != nil {
		return nil, record.Manifest{}, err
	}
	if o.resume {
		return o.unfinished(file, config)
	}
	now := time.Now().UTC()
	run, err := record.Create(o.out, file.Name, now)
	if err != nil {
		return nil, record.Manifest{}, err
	}
	if err := run.WriteConfig(config); err != nil {
		_ = run.Close()
		return nil, record.Manifest{}, err
	}
	return run, record.Manifest{Name: file.Name, Started: now, State: "running"}, nil
}

// unfinished finds what --resume goes on with.
func (o *runOptions) unfinished(file *experiment.File, config []byte) (*record.Run, record.Manifest, error) {
	none := record.Manifest{}
	dirs, err := record.Find(filepath.Join(o.out, file.Name))
	if err != nil {
		return nil, none, err
	}
	for _, dir := range slices.Backward(dirs) {
		r, err := record.Open(dir)
		if err != nil {
			return nil, none, err
		}
		if r.Manifest.State == "finished" {
			continue
		}
		run, err := record.Lock(dir)
		if err != nil {
			return nil, none, err
		}
		old, err := r.Config()
		if err == nil && !bytes.Equal(old, config) {
			err = hinted{fmt.Errorf("resume %s: the experiment has changed since: %s", dir, firstDifference(string(old), string(config))),
				"resume with the same file and --set, or start a new run without --resume"}
		}
		if err != nil {
			_ = run.Close()
			return nil, none, err
		}
		m := r.Manifest
		m.State = "running"
		return run, m, nil
	}
	return nil, none, hinted{fmt.Errorf("nothing to resume: no unfinished run of %s below %s", file.Name, o.out), "start one without --resume"}
}

// firstDifference shows the first line in which two resolved experiments differ.
func firstDifference(old, new string) string {
	a, b := strings.Split(old, "\n"), strings.Split(new, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = strings.TrimSpace(a[i])
		}
		if i < len(b) {
			y = strings.TrimSpace(b[i])
		}
		if x != y {
			return fmt.Sprintf("it had %q, now it has %q", x, y)
		}
	}
	return "only in its blanks"
}

// describeRun fills the manifest with what is known before the first step.
func describeRun(_ context.Context, m *record.Manifest, file *experiment.File, plan *experiment.Plan, ds *dataset, f *fleet) error {
	config, err := file.JSON()
	if err != nil {
		return err
	}
	if m.Data.Fingerprint != "" && m.Data.Fingerprint != ds.info.Fingerprint {
		return fmt.Errorf("vocabulary mismatch: the run began with tokenizer %s (%s), the data now give %s (%s)",
			m.Data.Tokenizer, m.Data.Fingerprint, ds.info.Tokenizer, ds.info.Fingerprint)
	}
	if m.Data.Checksum != "" && m.Data.Checksum != ds.info.Checksum {
		return hinted{errors.New("the data have changed since the run began: another checksum"), "start a new run without --resume"}
	}
	if m.Data.EvalIdentity != "" && m.Data.EvalIdentity != ds.info.EvalIdentity {
		return hinted{fmt.Errorf("the evaluation has changed since the run began: it was %s, it is now %s", m.Data.EvalIdentity, ds.info.EvalIdentity),
			"go on with the version of archlab that began it, or start a new run without --resume"}
	}
	m.Description, m.Archlab, m.Config, m.Data, m.Seeds = file.Description, version(), config, ds.info, plan.Seeds
	if m.Machine.Cores == 0 || m.Machine.PeakFLOPs == 0 {
		m.Machine = machine()
	}
	m.Models = nil
	for i, p := range plan.Models {
		source, err := f.provenance(reference(file, file.Models[i]))
		if err != nil {
			return err
		}
		m.Models = append(m.Models, record.Model{Name: p.Name, Family: p.Family, Description: p.Description, Plugin: source, Card: p.Card})
	}
	for _, c := range file.Controls {
		m.Models = append(m.Models, controlModel(c))
	}
	return nil
}

// isRun answers whether a directory is a run.
func isRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "manifest.json"))
	return err == nil
}
