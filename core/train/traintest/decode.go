package traintest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"sort"

	"github.com/archlab/archlab/core/family"
)

// Open implements family.Model.
func (m *model) Open(_ context.Context, n int) ([]family.StateID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := make([]family.StateID, n)
	for i := range ids {
		m.next++
		ids[i] = m.next
		m.states[m.next] = nil
	}
	return ids, nil
}

// Extend implements family.Model.
func (m *model) Extend(_ context.Context, req family.ExtendRequest) (family.ExtendResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cfg.DieInEval {
		return family.ExtendResult{}, family.Errorf(family.Unavailable, "", "the plugin's process is gone")
	}
	res := family.ExtendResult{Width: m.vocab}
	if req.TopK > 0 {
		res.Width = req.TopK
	}
	for _, it := range req.Items {
		if _, ok := m.states[it.State]; !ok {
			return res, family.Errorf(family.NotFound, "state", "no state %d", it.State)
		}
		m.states[it.State] = append(m.states[it.State], it.Tokens...)
		rows := it.Tokens[len(it.Tokens)-1:]
		if req.All {
			rows = it.Tokens
		}
		for _, x := range rows {
			m.row(&res, m.logProbs(x), req.TopK)
		}
	}
	return res, nil
}

// row appends one answered position.
func (m *model) row(res *family.ExtendResult, lp []float64, k int) {
	res.Rows++
	if k == 0 {
		for _, l := range lp {
			res.Logits = append(res.Logits, float32(l))
		}
		return
	}
	ids := make([]int32, len(lp))
	for i := range ids {
		ids[i] = int32(i)
	}
	sort.SliceStable(ids, func(a, b int) bool { return lp[ids[a]] > lp[ids[b]] })
	for _, id := range ids[:k] {
		res.Logits = append(res.Logits, float32(lp[id]))
	}
	res.IDs = append(res.IDs, ids[:k]...)
}

// Fork implements family.Model.
func (m *model) Fork(_ context.Context, states []family.StateID) ([]family.StateID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]family.StateID, len(states))
	for i, s := range states {
		m.next++
		out[i] = m.next
		m.states[m.next] = append([]int32(nil), m.states[s]...)
	}
	return out, nil
}

// Rewind implements family.Model.
func (m *model) Rewind(_ context.Context, s family.StateID, n int) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n > len(m.states[s]) {
		return family.Errorf(family.InvalidArgument, "n", "got %d, the state holds %d tokens", n, len(m.states[s]))
	}
	m.states[s] = m.states[s][:len(m.states[s])-n]
	return nil
}

// Close implements family.Model.
func (m *model) Close(_ context.Context, states []family.StateID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range states {
		delete(m.states, s)
	}
	return nil
}

// Trace implements family.Model.
func (m *model) Trace(context.Context, family.TraceRequest) (family.TraceResult, error) {
	return family.TraceResult{}, family.Errorf(family.Unimplemented, "", "no tracing")
}

// Quantize implements family.Model.
func (m *model) Quantize(context.Context, string) (family.Card, error) {
	return family.Card{}, family.Errorf(family.Unimplemented, "", "no quantization")
}

// Save implements family.Model: a safetensors file of one tensor for the weights, two for the optimizer.
func (m *model) Save(_ context.Context, part family.Part, w io.Writer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tensors := map[string][]float32{"w": m.w}
	if part == family.Optimizer {
		tensors = map[string][]float32{"m": m.m, "v": m.v, "step": {float32(m.step)}}
	}
	var names []string
	for n := range tensors {
		names = append(names, n)
	}
	sort.Strings(names)
	head, at, body := map[string]any{}, 0, bytes.Buffer{}
	for _, n := range names {
		size := 4 * len(tensors[n])
		head[n] = map[string]any{"dtype": "F32", "shape": []int{len(tensors[n])}, "data_offsets": []int{at, at + size}}
		at += size
		for _, x := range tensors[n] {
			body.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(x)))
		}
	}
	h, err := json.Marshal(head)
	if err != nil {
		return err
	}
	for _, b := range [][]byte{binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h, body.Bytes()} {
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// Load implements family.Model.
func (m *model) Load(_ context.Context, part family.Part, r io.Reader) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	corrupt := family.Errorf(family.Corrupt, string(part), "not a checkpoint of this model")
	if len(data) < 8 || binary.LittleEndian.Uint64(data) > uint64(len(data)-8) {
		return corrupt
	}
	n := binary.LittleEndian.Uint64(data)
	var head map[string]struct {
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(data[8:8+n], &head); err != nil {
		return corrupt
	}
	body := data[8+n:]
	read := func(name string, dst []float32) bool {
		t, ok := head[name]
		if !ok || t.Offsets[1]-t.Offsets[0] != 4*len(dst) || t.Offsets[1] > len(body) {
			return false
		}
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[t.Offsets[0]+4*i:]))
		}
		return true
	}
	if part == family.Weights {
		if !read("w", m.w) {
			return corrupt
		}
		return nil
	}
	step := []float32{0}
	if !read("m", m.m) || !read("v", m.v) || !read("step", step) {
		return corrupt
	}
	m.step = int(step[0])
	return nil
}

// Profile implements family.Model.
func (m *model) Profile(context.Context, bool) (family.Profile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return family.Profile{BusySeconds: m.busy.Seconds(), WeightBytes: int64(16 * len(m.w)), PeakRSS: 1 << 20}, nil
}

// Release implements family.Model.
func (m *model) Release(context.Context) error { return nil }
