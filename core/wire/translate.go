package wire

import (
	"encoding/json"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// Describe, Build and Profile: messages without tensors, field by field.

func encodeDescription(d family.Description) *pb.DescribeResponse {
	out := &pb.DescribeResponse{
		Name: d.Name, Version: d.Version, Summary: d.Summary,
		ConfigSchema: d.ConfigSchema, Presets: d.Presets,
		Capabilities: &pb.Capabilities{
			Decode: d.Capabilities.Decode, Trace: d.Capabilities.Trace, Quantize: d.Capabilities.Quantize,
			DraftHeads: d.Capabilities.DraftHeads, Precisions: encodePrecisions(d.Capabilities.Precisions),
			Optimizers: d.Capabilities.Optimizers, Recompute: d.Capabilities.Recompute,
		},
		Knob: &pb.Knob{Field: d.Knob.Field, Min: int64(d.Knob.Min), Max: int64(d.Knob.Max), Step: int64(d.Knob.Step)},
	}
	for _, p := range d.Papers {
		out.Papers = append(out.Papers, &pb.Paper{Title: p.Title, Url: p.URL})
	}
	return out
}

func decodeDescription(m *pb.DescribeResponse) family.Description {
	c, k := m.GetCapabilities(), m.GetKnob()
	out := family.Description{
		Name: m.GetName(), Version: m.GetVersion(), Summary: m.GetSummary(),
		ConfigSchema: raw(m.GetConfigSchema()), Presets: m.GetPresets(),
		Capabilities: family.Capabilities{
			Decode: c.GetDecode(), Trace: c.GetTrace(), Quantize: c.GetQuantize(),
			DraftHeads: c.GetDraftHeads(), Precisions: decodePrecisions(c.GetPrecisions()),
			Optimizers: c.GetOptimizers(), Recompute: c.GetRecompute(),
		},
		Knob: family.Knob{Field: k.GetField(), Min: int(k.GetMin()), Max: int(k.GetMax()), Step: int(k.GetStep())},
	}
	for _, p := range m.GetPapers() {
		out.Papers = append(out.Papers, family.Paper{Title: p.GetTitle(), URL: p.GetUrl()})
	}
	return out
}

func encodeBuild(r family.BuildRequest) *pb.BuildRequest {
	return &pb.BuildRequest{
		Config: r.Config, Vocab: int64(r.Vocab), Context: int64(r.Context), Seed: r.Seed,
		Precision: string(r.Precision), Threads: int64(r.Threads), CardOnly: r.CardOnly, Lengths: toInt64s(r.Lengths),
		Recompute: r.Recompute,
	}
}

func decodeBuild(m *pb.BuildRequest) family.BuildRequest {
	return family.BuildRequest{
		Config: raw(m.GetConfig()), Vocab: int(m.GetVocab()), Context: int(m.GetContext()), Seed: m.GetSeed(),
		Precision: family.Precision(m.GetPrecision()), Threads: int(m.GetThreads()), CardOnly: m.GetCardOnly(), Lengths: toInts(m.GetLengths()),
		Recompute: m.GetRecompute(),
	}
}

func encodeCard(c family.Card) *pb.Card {
	out := &pb.Card{
		Family: c.Family, Config: c.Config, Vocab: int64(c.Vocab), Precision: string(c.Precision),
		Parameters: c.Parameters, ActiveParameters: c.ActiveParameters, EmbeddingParameters: c.Embedding,
		DraftHeads: int64(c.DraftHeads), Sites: c.Sites,
	}
	for _, t := range c.Tensors {
		out.Tensors = append(out.Tensors, &pb.TensorInfo{Name: t.Name, Shape: toInt64s(t.Shape), Dtype: t.DType, Matrices: toInt64s(t.Matrices)})
	}
	for _, x := range c.Optimizers {
		out.Optimizers = append(out.Optimizers, &pb.OptimizerCost{Name: x.Name, UpdateFlops: x.UpdateFLOPs, StateBytes: x.StateBytes})
	}
	for _, x := range c.Costs {
		out.Costs = append(out.Costs, &pb.Cost{
			T: int64(x.T), TrainFlops: x.TrainFLOPs, PrefillFlops: x.PrefillFLOPs, DecodeFlops: x.DecodeFLOPs, StateBytes: x.StateBytes,
		})
	}
	return out
}

func decodeCard(m *pb.Card) family.Card {
	out := family.Card{
		Family: m.GetFamily(), Config: raw(m.GetConfig()), Vocab: int(m.GetVocab()), Precision: family.Precision(m.GetPrecision()),
		Parameters: m.GetParameters(), ActiveParameters: m.GetActiveParameters(), Embedding: m.GetEmbeddingParameters(),
		DraftHeads: int(m.GetDraftHeads()), Sites: m.GetSites(),
	}
	for _, t := range m.GetTensors() {
		out.Tensors = append(out.Tensors, family.TensorInfo{Name: t.GetName(), Shape: toInts(t.GetShape()), DType: t.GetDtype(), Matrices: toInts(t.GetMatrices())})
	}
	for _, x := range m.GetOptimizers() {
		out.Optimizers = append(out.Optimizers, family.OptimizerCost{Name: x.GetName(), UpdateFLOPs: x.GetUpdateFlops(), StateBytes: x.GetStateBytes()})
	}
	for _, x := range m.GetCosts() {
		out.Costs = append(out.Costs, family.Cost{
			T: int(x.GetT()), TrainFLOPs: x.GetTrainFlops(), PrefillFLOPs: x.GetPrefillFlops(), DecodeFLOPs: x.GetDecodeFlops(), StateBytes: x.GetStateBytes(),
		})
	}
	return out
}

func encodeProfile(p family.Profile) *pb.ProfileResponse {
	out := &pb.ProfileResponse{
		Flops: p.FLOPs, ArenaBytes: p.ArenaBytes, WeightBytes: p.WeightBytes, StateBytes: p.StateBytes,
		PeakRss: p.PeakRSS, BusySeconds: p.BusySeconds, Features: p.Features,
	}
	if r := p.Recomputation; r != nil {
		out.Recomputation = &pb.Recomputation{
			ArenaBytes: r.ArenaBytes, KeptArenaBytes: r.KeptArenaBytes, Seconds: r.Seconds, PassSeconds: r.PassSeconds, Flops: r.FLOPs, PassFlops: r.PassFLOPs,
		}
	}
	for _, o := range p.Ops {
		out.Ops = append(out.Ops, &pb.OpProfile{Op: o.Op, Calls: o.Calls, Nanoseconds: o.Nanoseconds, Flops: o.FLOPs, Bytes: o.Bytes})
	}
	return out
}

func decodeProfile(m *pb.ProfileResponse) family.Profile {
	out := family.Profile{
		FLOPs: m.GetFlops(), ArenaBytes: m.GetArenaBytes(), WeightBytes: m.GetWeightBytes(), StateBytes: m.GetStateBytes(),
		PeakRSS: m.GetPeakRss(), BusySeconds: m.GetBusySeconds(), Features: m.GetFeatures(),
	}
	if r := m.GetRecomputation(); r != nil {
		out.Recomputation = &family.Recomputation{
			ArenaBytes: r.GetArenaBytes(), KeptArenaBytes: r.GetKeptArenaBytes(), Seconds: r.GetSeconds(), PassSeconds: r.GetPassSeconds(), FLOPs: r.GetFlops(), PassFLOPs: r.GetPassFlops(),
		}
	}
	for _, o := range m.GetOps() {
		out.Ops = append(out.Ops, family.OpProfile{Op: o.GetOp(), Calls: o.GetCalls(), Nanoseconds: o.GetNanoseconds(), FLOPs: o.GetFlops(), Bytes: o.GetBytes()})
	}
	return out
}

func encodeStates(ids []family.StateID) []uint64 {
	return mapped(ids, func(x family.StateID) uint64 { return uint64(x) })
}

func decodeStates(ids []uint64) []family.StateID {
	return mapped(ids, func(x uint64) family.StateID { return family.StateID(x) })
}

func encodePrecisions(v []family.Precision) []string {
	return mapped(v, func(x family.Precision) string { return string(x) })
}

func decodePrecisions(v []string) []family.Precision {
	return mapped(v, func(x string) family.Precision { return family.Precision(x) })
}

func toInt64s(v []int) []int64 { return mapped(v, func(x int) int64 { return int64(x) }) }

func toInts(v []int64) []int { return mapped(v, func(x int64) int { return int(x) }) }

// mapped converts element by element and keeps nil.
func mapped[To, From any](v []From, f func(From) To) []To {
	if v == nil {
		return nil
	}
	out := make([]To, len(v))
	for i, x := range v {
		out[i] = f(x)
	}
	return out
}

// raw keeps an absent JSON value nil.
func raw(b []byte) json.RawMessage {
	if len(b) == 0 {
		return nil
	}
	return json.RawMessage(b)
}
