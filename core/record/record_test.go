package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/archlab/archlab/core/family"
)

func TestLogSurvivesATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metrics.jsonl")
	whole := `{"kind":"train","step":1,"tokens":0,"flops":0,"seconds":0,"loss":2}` + "\n"
	for cut := range len(whole) {
		if err := os.WriteFile(path, []byte(whole+whole[:cut]), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ReadLog[Metric](path)
		if err != nil || len(got) != 1 {
			t.Fatalf("cut at %d: %v, %v", cut, got, err)
		}
		l, err := OpenLog(path, -1)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(Metric{Kind: "train", Step: 2}); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err = ReadLog[Metric](path); err != nil || len(got) != 2 || got[1].Step != 2 {
			t.Fatalf("cut at %d, appended: %v, %v", cut, got, err)
		}
	}
}

func TestLogTruncatesToACheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jsonl")
	l, err := OpenLog(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	var keep int64
	for i := range 5 {
		if err := l.Append(i); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			if keep, err = l.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = l.Close()
	if l, err = OpenLog(path, keep); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(30); err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if got, err := ReadLog[int](path); err != nil || !reflect.DeepEqual(got, []int{0, 1, 2, 30}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := OpenLog(path, 1000); err == nil || !strings.Contains(err.Error(), "9 bytes are left of at least 1000") {
		t.Errorf("a log shorter than the checkpoint says: got %v", err)
	}
	if err := os.WriteFile(path, []byte("1\nx\n2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadLog[int](path); err == nil || !strings.Contains(err.Error(), "line 2") || len(got) != 1 {
		t.Errorf("a damaged line: got %v, %v", got, err)
	}
	if got, err := ReadLog[int](path + ".missing"); err != nil || got != nil {
		t.Errorf("a missing log: got %v, %v", got, err)
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add([]byte("{\"step\":1}\n{\"step\":2}\n{\"st"))
	f.Add([]byte("\n\n"))
	f.Add([]byte("null\n[]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.jsonl")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		before, err := ReadLog[Metric](path)
		l, e := OpenLog(path, -1)
		if e != nil {
			t.Fatal(e)
		}
		if e := l.Append(Metric{Step: 7}); e != nil {
			t.Fatal(e)
		}
		_ = l.Close()
		after, err2 := ReadLog[Metric](path)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("error %v became %v", err, err2)
		}
		if err == nil && (len(after) != len(before)+1 || after[len(before)].Step != 7) {
			t.Fatalf("%d lines became %d", len(before), len(after))
		}
	})
}

func TestWriteFileKeepsTheOldOnFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "missing", "a"), nil); err == nil {
		t.Error("wrote into a directory that is not there")
	}
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(dir, "d"), []byte("new")); err == nil {
		t.Error("replaced a directory")
	}
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	left, _ := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil || string(data) != "new" || len(left) != 0 {
		t.Errorf("got %q, %v; left over: %v", data, err, left)
	}
}

func TestRunDirectories(t *testing.T) {
	root := t.TempDir()
	now := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	var dirs []string
	for range 11 {
		r, err := Create(root, "exp", now)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.WriteManifest(Manifest{Name: "exp", Seeds: []uint64{4}, Models: []Model{{Name: "m"}, {Name: "n"}}}); err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, r.Dir)
		_, err = Lock(r.Dir)
		var used *InUseError
		if !errors.As(err, &used) || used.PID != os.Getpid() {
			t.Fatalf("a second lock: got %v", err)
		}
		if err := r.WriteResult(Result{Model: "n", Seed: 4, Steps: 3}); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err = Lock(r.Dir); err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
	}
	if filepath.Base(dirs[0]) != "20260102-150405" || filepath.Base(dirs[10]) != "20260102-150405-11" {
		t.Errorf("ids: %v", dirs)
	}
	for _, from := range []string{root, filepath.Join(root, "exp")} {
		if got, err := Find(from); err != nil || !reflect.DeepEqual(got, dirs) {
			t.Errorf("Find(%s) = %v, %v", from, got, err)
		}
	}
	rd, err := Open(dirs[3])
	if err != nil {
		t.Fatal(err)
	}
	if res, err := rd.Results(); err != nil || len(res) != 1 || res[0].Model != "n" || res[0].Steps != 3 {
		t.Errorf("results: %+v, %v", res, err)
	}
	if _, err := Open(root); !errors.Is(err, ErrNotARun) {
		t.Errorf("Open of no run: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dirs[0], "manifest.json"), []byte(`{"format": 99}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dirs[0]); err == nil || !strings.Contains(err.Error(), "format 99") {
		t.Errorf("another format: %v", err)
	}
	for _, bad := range []string{"", "..", "a/b", ".hidden", strings.Repeat("x", 101), "a b"} {
		if _, err := Create(root, bad, now); err == nil {
			t.Errorf("made a run named %q", bad)
		}
	}
}

func save(weights, optimizer string) func(family.Part, io.Writer) error {
	return func(p family.Part, w io.Writer) error {
		s := weights
		if p == family.Optimizer {
			s = optimizer
		}
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestCheckpoints(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := NewestCheckpoint(dir); !errors.Is(err, ErrNoCheckpoint) {
		t.Errorf("none: got %v", err)
	}
	for _, step := range []int{5, 10, 15} {
		if err := WriteCheckpoint(dir, State{Step: step, Identity: map[string]string{"vocab": "<7>"}}, save("w", strings.Repeat("o", step))); err != nil {
			t.Fatal(err)
		}
	}
	// Taking one again replaces it.
	if err := WriteCheckpoint(dir, State{Step: 15, Tokens: 9, Identity: map[string]string{"vocab": "<7>"}}, save("again", "o")); err != nil {
		t.Fatal(err)
	}
	c, skipped, err := NewestCheckpoint(dir)
	if err != nil || len(skipped) > 0 || c.State.Step != 15 || c.State.Tokens != 9 || c.State.Identity["vocab"] != "<7>" {
		t.Fatalf("got %+v, %v, %v", c, skipped, err)
	}
	f, err := c.Part(family.Weights)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(f)
	_ = f.Close()
	if string(data) != "again" {
		t.Errorf("weights are %q", data)
	}
	// A failing save leaves nothing behind and the others alone.
	broken := errors.New("broken")
	err = WriteCheckpoint(dir, State{Step: 20}, func(p family.Part, w io.Writer) error {
		if p == family.Optimizer {
			return broken
		}
		return save("w", "")(p, w)
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "step 20") {
		t.Errorf("got %v", err)
	}
	if steps, err := CheckpointSteps(dir); err != nil || !reflect.DeepEqual(steps, []int{5, 10, 15}) {
		t.Errorf("steps %v, %v", steps, err)
	}
	// What a killed process leaves half written is no checkpoint and goes with the next pruning.
	if err := os.MkdirAll(filepath.Join(dir, "checkpoints", ".tmp-step-00000025"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Prune(dir, 2); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(filepath.Join(dir, "checkpoints"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if !reflect.DeepEqual(names, []string{"step-00000010", "step-00000015"}) {
		t.Errorf("after pruning: %v", names)
	}
}

// A damaged bit is noticed wherever it is, as is every truncation.
func TestDamageIsNoticed(t *testing.T) {
	dir := t.TempDir()
	if err := WriteCheckpoint(dir, State{Step: 3, Identity: map[string]string{"a": "b"}}, save("weights", "optimizer")); err != nil {
		t.Fatal(err)
	}
	root := checkpointDir(dir, 3)
	for _, name := range []string{"weights.safetensors", "optimizer.safetensors", "state.json"} {
		path := filepath.Join(root, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		try := func(what string, data []byte) {
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			c, err := OpenCheckpoint(root)
			if err == nil && name == "state.json" && reflect.DeepEqual(c.State, State{Step: 3, Identity: map[string]string{"a": "b"}}) {
				return // a blank between tokens, which means nothing
			}
			var damaged *DamagedError
			if !errors.As(err, &damaged) {
				t.Errorf("%s, %s: got %v", name, what, err)
			}
		}
		for i := 0; i < len(good); i += 1 + len(good)/60 {
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			try("one bit", bad)
			try("cut", good[:i])
		}
		try("longer", append(bytes.Clone(good), 'x'))
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenCheckpoint(root); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

// A process that was killed while it replaced a checkpoint has left the earlier one under another name.
func TestKilledBetweenRenames(t *testing.T) {
	dir := t.TempDir()
	if err := WriteCheckpoint(dir, State{Step: 3}, save("w", "o")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(checkpointDir(dir, 3), filepath.Join(dir, "checkpoints", ".old-step-00000003")); err != nil {
		t.Fatal(err)
	}
	if c, _, err := NewestCheckpoint(dir); err != nil || c.State.Step != 3 {
		t.Errorf("got %+v, %v", c, err)
	}
}

// A checkpoint that could not be read, or that another archlab wrote, may be good: a resume must not go back behind it.
func TestUnreadableIsNotDamaged(t *testing.T) {
	const state, weights = "state.json", "weights.safetensors"
	asDirectory := func(name string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	otherFormat := func(change func(body string) string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			var file stateFile
			if err := readJSON(filepath.Join(dir, state), &file); err != nil {
				t.Fatal(err)
			}
			var body bytes.Buffer
			if err := json.Compact(&body, []byte(change(string(file.Body)))); err != nil {
				t.Fatal(err)
			}
			if err := WriteJSON(filepath.Join(dir, state), stateFile{Body: body.Bytes(), Sum: hexSum(body.Bytes())}); err != nil {
				t.Fatal(err)
			}
		}
	}
	cases := []struct {
		name  string
		spoil func(t *testing.T, dir string)
		want  string // in the error
	}{
		{"state unreadable", asDirectory(state), "is a directory"},
		{"weights unreadable", asDirectory(weights), "is a directory"},
		{"newer format", otherFormat(func(s string) string {
			return regexp.MustCompile(`"format": *1`).ReplaceAllString(s, `"format":2`)
		}), "it has format 2, this archlab reads format 1"},
		{"newer format, other fields", otherFormat(func(string) string { return `{"format":2,"state":["x"]}` }), "it has format 2"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for step := 1; step <= 2; step++ {
				if err := WriteCheckpoint(dir, State{Step: step}, save("w", "o")); err != nil {
					t.Fatal(err)
				}
			}
			c.spoil(t, checkpointDir(dir, 2))
			refused := func() {
				t.Helper()
				got, skipped, err := NewestCheckpoint(dir)
				if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNoCheckpoint) || isDamage(err) || got != nil || skipped != nil {
					t.Errorf("got %v, %v, %v, want an error with %q alone", got, skipped, err, c.want)
				}
			}
			refused()
			// The same holds for what a kill between two renames left.
			for step, to := range map[int]string{2: ".old-step-00000002", 1: ".gone"} {
				if err := os.Rename(checkpointDir(dir, step), filepath.Join(dir, "checkpoints", to)); err != nil {
					t.Fatal(err)
				}
			}
			refused()
		})
	}
}

func TestMissingFilesAreDamage(t *testing.T) {
	for _, name := range []string{"state.json", "weights.safetensors", "optimizer.safetensors"} {
		dir := t.TempDir()
		for step := 1; step <= 2; step++ {
			if err := WriteCheckpoint(dir, State{Step: step}, save("w", "o")); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(filepath.Join(checkpointDir(dir, 2), name)); err != nil {
			t.Fatal(err)
		}
		c, skipped, err := NewestCheckpoint(dir)
		if err != nil || c.State.Step != 1 || len(skipped) != 1 || !isDamage(skipped[0]) {
			t.Errorf("without %s: got %+v, %v, %v", name, c, skipped, err)
		}
	}
}

// Damaged checkpoints that training has gone back behind must not outlive good ones.
func TestGoingBackKeepsTheGoodOne(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []int{10, 20} {
		if err := WriteCheckpoint(dir, State{Step: step}, save("w", "o")); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(checkpointDir(dir, step), "weights.safetensors"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if _, skipped, err := NewestCheckpoint(dir); !errors.Is(err, ErrNoCheckpoint) || len(skipped) != 2 {
		t.Fatalf("got %v, %v", skipped, err)
	}
	if err := WriteCheckpoint(dir, State{Step: 5}, save("w", "o")); err != nil {
		t.Fatal(err)
	}
	if err := Prune(dir, 1); err != nil {
		t.Fatal(err)
	}
	if c, skipped, err := NewestCheckpoint(dir); err != nil || c.State.Step != 5 || len(skipped) > 0 {
		t.Errorf("got %+v, %v, %v, want step 5", c, skipped, err)
	}
}
