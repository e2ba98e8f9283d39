package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/archlab/archlab/core/family"
)

// State is where training stood when a checkpoint was taken. Batches are a pure function of the step, so this and the
// two files of the model are all that a resume needs.
type State struct {
	Step      int     `json:"step"` // optimizer steps done
	Tokens    int64   `json:"tokens"`
	FLOPs     float64 `json:"flops"`
	Seconds   float64 `json:"seconds"`
	Skipped   int     `json:"skipped"`
	Validated int     `json:"validated"` // the last step whose validation is in metrics.jsonl
	LastLoss  float64 `json:"last_loss"`
	Done      bool    `json:"done"` // the budget is spent

	PluginSeconds     float64 `json:"plugin_seconds"`
	Phases            Phases  `json:"phases,omitzero"`
	RPCSeconds        float64 `json:"rpc_seconds"`
	HarnessSeconds    float64 `json:"harness_seconds"`
	DataSeconds       float64 `json:"data_seconds,omitempty"` // of HarnessSeconds: waiting for batches
	CheckpointSeconds float64 `json:"checkpoint_seconds"`

	MetricsBytes int64 `json:"metrics_bytes"` // length of metrics.jsonl at that moment
	EventsBytes  int64 `json:"events_bytes"`  // length of the TensorBoard file

	// Identity names what the weights belong to, e.g. "vocab", "tokenizer", "family", "config".
	Identity map[string]string `json:"identity"`
}

// Checkpoint is one that has been read and whose checksums are right.
type Checkpoint struct {
	Dir   string
	State State
}

// stateFile is state.json: the state, the files' checksums, and a checksum over both.
type stateFile struct {
	Body json.RawMessage `json:"body"`
	Sum  string          `json:"sha256"`
}

type stateBody struct {
	Format int                `json:"format"`
	State  State              `json:"state"`
	Files  map[string]fileSum `json:"files"`
}

type fileSum struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

var parts = []family.Part{family.Weights, family.Optimizer}

const stepPrefix = "step-"

// WriteCheckpoint takes a checkpoint below dir, a model's directory: all files are written and synced in a directory
// beside, which is then renamed, so that a checkpoint is whole or not there. When it fails, earlier ones are untouched.
// Checkpoints of later steps, which training has gone back behind, are removed.
func WriteCheckpoint(dir string, state State, save func(part family.Part, w io.Writer) error) (err error) {
	root := filepath.Join(dir, "checkpoints")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	name := fmt.Sprintf("%s%08d", stepPrefix, state.Step)
	tmp := filepath.Join(root, ".tmp-"+name)
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(tmp)
			err = fmt.Errorf("checkpoint at step %d: %w", state.Step, err)
		}
	}()
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	body := stateBody{Format: Format, State: state, Files: map[string]fileSum{}}
	for _, part := range parts {
		sum, err := writePart(filepath.Join(tmp, partFile(part)), func(w io.Writer) error { return save(part, w) })
		if err != nil {
			return err
		}
		body.Files[partFile(part)] = sum
	}
	if err := writeState(filepath.Join(tmp, "state.json"), body); err != nil {
		return err
	}
	if err := syncDir(tmp); err != nil {
		return err
	}
	final := filepath.Join(root, name)
	if _, err := os.Stat(final); err == nil {
		// A checkpoint of this very step is there, e.g. when a stop follows a scheduled one. A rename cannot replace a
		// directory that is not empty; moving it away first keeps a whole one under some name at every moment.
		old := filepath.Join(root, ".old-"+name)
		if err := os.RemoveAll(old); err != nil {
			return err
		}
		if err := os.Rename(final, old); err != nil {
			return err
		}
		defer os.RemoveAll(old)
	}
	if err := os.Rename(tmp, final); err != nil {
		return err
	}
	if err := syncDir(root); err != nil {
		return err
	}
	return dropLater(dir, state.Step)
}

// dropLater removes the checkpoints of later steps: a resume has passed them over as damaged and gone back. Prune would
// keep them for the newest.
func dropLater(dir string, step int) error {
	steps, err := CheckpointSteps(dir)
	if err != nil {
		return err
	}
	for _, s := range steps {
		if s > step {
			if err := os.RemoveAll(checkpointDir(dir, s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Prune removes all but the newest keep checkpoints, and what killed processes left half written.
func Prune(dir string, keep int) error {
	root := filepath.Join(dir, "checkpoints")
	entries, err := os.ReadDir(root)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".tmp-") || strings.HasPrefix(e.Name(), ".old-") {
			if err := os.RemoveAll(filepath.Join(root, e.Name())); err != nil {
				return err
			}
		}
	}
	steps, err := CheckpointSteps(dir)
	if err != nil {
		return err
	}
	for _, s := range steps[:max(0, len(steps)-keep)] {
		if err := os.RemoveAll(checkpointDir(dir, s)); err != nil {
			return err
		}
	}
	return nil
}

// CheckpointSteps lists the steps of the checkpoints of a model's directory, ascending.
func CheckpointSteps(dir string) ([]int, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var steps []int
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(e.Name(), stepPrefix)); err == nil && strings.HasPrefix(e.Name(), stepPrefix) {
			steps = append(steps, n)
		}
	}
	slices.Sort(steps)
	return steps, nil
}

// NewestCheckpoint opens the newest checkpoint of a model's directory whose checksums are right. The damaged ones that
// it passed over come as *DamagedError in skipped. Without a good one the error is ErrNoCheckpoint. A checkpoint that
// cannot be read, or that another archlab wrote, is not passed over: its error comes back, since it may be good.
func NewestCheckpoint(dir string) (c *Checkpoint, skipped []error, err error) {
	steps, err := CheckpointSteps(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range slices.Backward(steps) {
		c, err := OpenCheckpoint(checkpointDir(dir, s))
		if err == nil {
			return c, skipped, nil
		}
		if !isDamage(err) {
			return nil, skipped, err
		}
		skipped = append(skipped, err)
	}
	// A process killed between the two renames of a replacement leaves the earlier one under this name.
	olds, _ := filepath.Glob(filepath.Join(dir, "checkpoints", ".old-"+stepPrefix+"*"))
	slices.Sort(olds)
	for _, old := range slices.Backward(olds) {
		c, err := OpenCheckpoint(old)
		if err == nil {
			return c, skipped, nil
		}
		if !isDamage(err) {
			return nil, skipped, err
		}
		skipped = append(skipped, err)
	}
	return nil, skipped, fmt.Errorf("%s: %w", dir, ErrNoCheckpoint)
}

func isDamage(err error) bool {
	var damaged *DamagedError
	return errors.As(err, &damaged)
}

// OpenCheckpoint reads the checkpoint in dir and verifies every byte. It answers a *DamagedError for one that is
// truncated or altered, or that lacks a file. Any other error says nothing about the bytes: they could not be read, or
// have another format.
func OpenCheckpoint(dir string) (*Checkpoint, error) {
	damaged := func(format string, args ...any) error {
		return &DamagedError{Dir: dir, Reason: fmt.Sprintf(format, args...)}
	}
	data, err := os.ReadFile(filepath.Join(dir, "state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, damaged("%v", err)
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", dir, err)
	}
	var file stateFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, damaged("state.json: %v", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, file.Body); err != nil {
		return nil, damaged("state.json: %v", err)
	}
	if hexSum(compact.Bytes()) != file.Sum {
		return nil, damaged("state.json: its checksum does not match")
	}
	// Another format may have other fields: its number comes first.
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(file.Body, &version); err != nil {
		return nil, damaged("state.json: %v", err)
	}
	if version.Format != Format {
		return nil, fmt.Errorf("checkpoint %s: it has format %d, this archlab reads format %d", dir, version.Format, Format)
	}
	var body stateBody
	if err := json.Unmarshal(file.Body, &body); err != nil {
		return nil, damaged("state.json: %v", err)
	}
	for _, part := range parts {
		want, ok := body.Files[partFile(part)]
		if !ok {
			return nil, damaged("state.json lists no %s", partFile(part))
		}
		wrong, err := verify(filepath.Join(dir, partFile(part)), want)
		if err != nil {
			return nil, fmt.Errorf("checkpoint %s: %w", dir, err)
		}
		if wrong != "" {
			return nil, damaged("%s: %s", partFile(part), wrong)
		}
	}
	return &Checkpoint{Dir: dir, State: body.State}, nil
}

// Part opens one file of the checkpoint.
func (c *Checkpoint) Part(part family.Part) (io.ReadCloser, error) {
	return os.Open(filepath.Join(c.Dir, partFile(part)))
}

func partFile(part family.Part) string { return string(part) + ".safetensors" }

func checkpointDir(dir string, step int) string {
	return filepath.Join(dir, "checkpoints", fmt.Sprintf("%s%08d", stepPrefix, step))
}

// writePart writes and syncs one file and answers its checksum.
func writePart(path string, save func(w io.Writer) error) (fileSum, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fileSum{}, err
	}
	h := sha256.New()
	n := &counter{}
	err = save(io.MultiWriter(f, h, n))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return fileSum{Bytes: n.n, SHA256: hex.EncodeToString(h.Sum(nil))}, err
}

func writeState(path string, body stateBody) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return WriteJSON(path, stateFile{Body: raw, Sum: hexSum(raw)})
}

// verify compares a file with its recorded length and checksum, and says what is wrong with its bytes. The error is that
// of reading them.
func verify(path string, want fileSum) (wrong string, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "it is missing", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return "", err
	}
	if n != want.Bytes {
		return fmt.Sprintf("it has %d bytes, want %d", n, want.Bytes), nil
	}
	if hex.EncodeToString(h.Sum(nil)) != want.SHA256 {
		return "its checksum does not match", nil
	}
	return "", nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}
