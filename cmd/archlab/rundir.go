package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/archlab/archlab/core/experiment"
	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/train"
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

// unfinished finds what --resume goes on with: the newest run of the very same experiment that is not done.
func (o *runOptions) unfinished(file *experiment.File, config []byte) (*record.Run, record.Manifest, error) {
	none := record.Manifest{}
	dirs, err := record.Find(filepath.Join(o.out, file.Name))
	if err != nil {
		return nil, none, err
	}
	var other error // why the newest one that is not done cannot be gone on with
	for _, dir := range slices.Backward(dirs) {
		m, err := resumable(dir, config)
		if err != nil && other == nil {
			other = err
		}
		if m == nil {
			continue
		}
		run, err := record.Lock(dir)
		if err != nil {
			return nil, none, err
		}
		m.State, m.Finished = "running", time.Time{}
		return run, *m, nil
	}
	if other != nil {
		return nil, none, other
	}
	return nil, none, hinted{fmt.Errorf("nothing to resume: no unfinished run of %s below %s", file.Name, o.out), "start one without --resume"}
}

// resumable answers the manifest of a run that is not done and has the experiment config; nil for one that is done, and
// an error for one that is not and cannot be gone on with.
func resumable(dir string, config []byte) (*record.Manifest, error) {
	r, err := record.Open(dir)
	if err != nil {
		return nil, err
	}
	if r.Manifest.State == "finished" {
		results, err := r.Results()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(results, mayTryAgain) {
			return nil, nil
		}
	}
	old, err := r.Config()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(old, config) {
		return nil, hinted{fmt.Errorf("resume %s: the experiment has changed since: %s", dir, firstDifference(string(old), string(config))),
			"resume with the same file and --set, or start a new run without --resume"}
	}
	return &r.Manifest, nil
}

// mayTryAgain answers whether a training failed in a way that need not come again: its plugin died or hung.
func mayTryAgain(r record.Result) bool {
	return r.Status == "failed" && !train.Final(r.Failure)
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

// describeRun fills the manifest with what is known before the first step. Of a resumed run it refuses what would make its
// later steps another experiment than its earlier ones; what is merely different comes as warnings, and into the notes.
func describeRun(m *record.Manifest, file *experiment.File, plan *experiment.Plan, ds *dataset, f *fleet) (warnings []string, err error) {
	config, err := file.JSON()
	if err != nil {
		return nil, err
	}
	if err := sameData(m.Data, ds.info); err != nil {
		return nil, err
	}
	var models []record.Model
	for i, p := range plan.Models {
		source, err := f.provenance(reference(file, file.Models[i]))
		if err != nil {
			return nil, err
		}
		if err := samePlugin(m, p.Name, source); err != nil {
			return nil, err
		}
		models = append(models, record.Model{Name: p.Name, Family: p.Family, Description: p.Description, Plugin: source, Card: p.Card})
	}
	for _, c := range file.Controls {
		models = append(models, controlModel(c))
	}
	warnings = carryOn(m, ds)
	m.Description, m.Config, m.Data, m.Seeds, m.Models = file.Description, config, ds.info, plan.Seeds, models
	return warnings, nil
}

// sameData refuses data that are not those a run began with. A learned vocabulary changes with its text, so that text is looked at first.
func sameData(old, now record.Data) error {
	const anew = "put the earlier data back, or start a new run without --resume"
	if changed := changedSources(old, now); len(changed) > 0 {
		return hinted{errors.New("the data have changed since the run began: " + strings.Join(changed, "; ")), anew}
	}
	switch {
	case old.Checksum != "" && old.Checksum != now.Checksum && old.Corpus != "":
		return hinted{fmt.Errorf("the data have changed since the run began: %s %s", old.Corpus, grown(old.Documents, now.Documents, old.Bytes, now.Bytes)), anew}
	case old.Checksum != "" && old.Checksum != now.Checksum:
		return hinted{fmt.Errorf("the data have changed since the run began: it was %s, it is now %s", old.Checksum, now.Checksum), anew}
	case old.Fingerprint != "" && old.Fingerprint != now.Fingerprint:
		return fmt.Errorf("vocabulary mismatch: the run began with tokenizer %s (%s), the data now give %s (%s)",
			old.Tokenizer, old.Fingerprint, now.Tokenizer, now.Fingerprint)
	case old.Fingerprint != "" && old.Sampled != now.Sampled:
		return hinted{fmt.Errorf("the training text is cut in another way: the run began with %q, it is now %q", old.Sampled, now.Sampled), "start a new run without --resume"}
	case old.EvalIdentity != "" && old.EvalIdentity != now.EvalIdentity:
		return hinted{fmt.Errorf("the evaluation has changed since the run began: it was %s, it is now %s", old.EvalIdentity, now.EvalIdentity),
			"go on with the version of archlab that began it, or start a new run without --resume"}
	}
	return nil
}

// changedSources names the sources of a mixture whose documents are not those that they were. A document that moves from one source to
// another changes both, and the data as a whole not.
func changedSources(old, now record.Data) (out []string) {
	if len(old.Sources) != len(now.Sources) {
		return nil
	}
	for i, a := range old.Sources {
		if b := now.Sources[i]; a.Checksum != "" && a.Checksum != b.Checksum {
			out = append(out, fmt.Sprintf("source %s %s", a.Name, grown(a.Documents, b.Documents, a.Bytes, b.Bytes)))
		}
	}
	return out
}

// grown says how documents differ, as far as their sizes tell.
func grown(documents, documentsNow int, bytes, bytesNow int64) string {
	if documents == documentsNow && bytes == bytesNow {
		return fmt.Sprintf("has other text in %s of %d bytes", plural(documents, "document"), bytes)
	}
	return fmt.Sprintf("had %s of %d bytes, now %d of %d", plural(documents, "document"), bytes, documentsNow, bytesNow)
}

// samePlugin refuses another program for a model that has begun; where it lies does not matter.
func samePlugin(m *record.Manifest, model string, now record.Plugin) error {
	for _, old := range m.Models {
		if old.Name != model || old.Plugin.Builtin == now.Builtin && old.Plugin.SHA256 == now.SHA256 {
			continue
		}
		return hinted{fmt.Errorf("model %s: the plugin has changed since the run began: it was %s, it is now %s", model, pluginText(old.Plugin), pluginText(now)),
			"put the earlier plugin back, or start a new run without --resume"}
	}
	return nil
}

func pluginText(p record.Plugin) string {
	if p.Builtin {
		return "built in"
	}
	return fmt.Sprintf("%s with SHA-256 %.16s", p.Path, p.SHA256)
}

// then joins the versions of a run's sessions in the manifest.
const then = ", then "

// resumedNote begins a note about a session that was unlike the first.
const resumedNote = "resumed "

// carryOn says who runs and where. A resumed run keeps what it began with beside what goes on with it.
func carryOn(m *record.Manifest, ds *dataset) (warnings []string) {
	now := machine()
	if m.Archlab == "" {
		m.Archlab, m.Machine = version(), now
		return nil
	}
	for _, n := range m.Data.Notes {
		if strings.HasPrefix(n, resumedNote) {
			ds.info.Notes = append(ds.info.Notes, n)
		}
	}
	note := func(format string, args ...any) {
		n := resumedNote + fmt.Sprintf(format, args...)
		warnings = append(warnings, n)
		if !slices.Contains(ds.info.Notes, n) {
			ds.info.Notes = append(ds.info.Notes, n)
		}
	}
	all := strings.Split(m.Archlab, then)
	if last := all[len(all)-1]; last != version() {
		note("with archlab %s; it began with %s: its steps may round differently", version(), all[0])
		m.Archlab += then + version()
	}
	if old := m.Machine; !slices.Equal(old.Features, now.Features) || old.CPU != now.CPU {
		note("on %s with %s; it began on %s with %s: its steps may round differently, and speeds are of both", now.CPU, features(now), old.CPU, features(old))
	}
	if m.Machine.PeakFLOPs == 0 {
		m.Machine = now
	}
	return warnings
}

func features(m record.Machine) string {
	if len(m.Features) == 0 {
		return "no instruction sets beyond the base"
	}
	return strings.Join(m.Features, " ")
}

// isRun answers whether a directory is a run.
func isRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "manifest.json"))
	return err == nil
}
