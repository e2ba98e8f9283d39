package wire

import (
	"fmt"

	"github.com/archlab/archlab/core/family"
	pb "github.com/archlab/archlab/core/wire/archlabv1"
)

// Train, Score, Extend and Trace: messages with tensors. Encoding wraps the caller's slices; decoding takes the message's
// memory over. Lengths that contradict each other are refused here; what tokens mean is the family's to judge.

func encodeBatch(b family.Batch) (*pb.Batch, error) {
	n := b.B * b.T
	switch {
	case b.B < 1 || b.T < 1:
		return nil, family.Errorf(family.InvalidArgument, "batch", "B=%d T=%d: both must be at least 1", b.B, b.T)
	case len(b.Tokens) != n:
		return nil, family.Errorf(family.InvalidArgument, "batch.tokens", "got %d tokens, want B*T=%d", len(b.Tokens), n)
	case len(b.Targets) != n:
		return nil, family.Errorf(family.InvalidArgument, "batch.targets", "got %d targets, want B*T=%d", len(b.Targets), n)
	case len(b.Weights) != n:
		return nil, family.Errorf(family.InvalidArgument, "batch.weights", "got %d weights, want B*T=%d", len(b.Weights), n)
	}
	out := &pb.Batch{
		Tokens:  i32Tensor(b.Tokens, b.B, b.T),
		Targets: i32Tensor(b.Targets, b.B, b.T),
		Weights: f32Tensor(b.Weights, b.B, b.T),
	}
	if len(b.Starts) > 0 {
		out.Starts = i32Tensor(b.Starts, len(b.Starts))
	}
	return out, nil
}

func decodeBatch(m *pb.Batch) (family.Batch, error) {
	var b family.Batch
	var err error
	if b.Tokens, err = i32s(m.GetTokens(), "batch.tokens", 2); err != nil {
		return b, err
	}
	shape := m.Tokens.Shape
	b.B, b.T = int(shape[0]), int(shape[1])
	if b.Targets, err = i32s(m.GetTargets(), "batch.targets", 2); err != nil {
		return b, err
	}
	if b.Weights, err = f32s(m.GetWeights(), "batch.weights", 2); err != nil {
		return b, err
	}
	if err := sameShape("batch.targets", m.Targets.Shape, shape); err != nil {
		return b, err
	}
	if err := sameShape("batch.weights", m.Weights.Shape, shape); err != nil {
		return b, err
	}
	if m.Starts != nil {
		b.Starts, err = i32s(m.Starts, "batch.starts", 1)
	}
	return b, err
}

func sameShape(field string, got, want []int64) error {
	if got[0] != want[0] || got[1] != want[1] {
		return family.Errorf(family.InvalidArgument, field, "tensor of shape %v, want %v", got, want)
	}
	return nil
}

func encodeTrain(model uint64, r family.TrainRequest) (*pb.TrainRequest, error) {
	o := r.Optimizer
	out := &pb.TrainRequest{Model: model, Optimizer: &pb.OptimizerStep{
		Name: o.Name, LearningRate: o.LearningRate, Beta1: o.Beta1, Beta2: o.Beta2, Epsilon: o.Epsilon, Momentum: o.Momentum,
		Nesterov: o.Nesterov, Scale: o.Scale, AdamwRate: o.AdamWRate, WeightDecay: o.WeightDecay, Clip: o.Clip,
	}}
	for _, b := range r.MicroBatches {
		m, err := encodeBatch(b)
		if err != nil {
			return nil, err
		}
		out.MicroBatches = append(out.MicroBatches, m)
	}
	return out, nil
}

func decodeTrain(m *pb.TrainRequest) (family.TrainRequest, error) {
	o := m.GetOptimizer()
	out := family.TrainRequest{Optimizer: family.OptimizerStep{
		Name: o.GetName(), LearningRate: o.GetLearningRate(), Beta1: o.GetBeta1(), Beta2: o.GetBeta2(), Epsilon: o.GetEpsilon(),
		Momentum: o.GetMomentum(), Nesterov: o.GetNesterov(), Scale: o.GetScale(), AdamWRate: o.GetAdamwRate(),
		WeightDecay: o.GetWeightDecay(), Clip: o.GetClip(),
	}}
	for _, x := range m.GetMicroBatches() {
		b, err := decodeBatch(x)
		if err != nil {
			return out, err
		}
		out.MicroBatches = append(out.MicroBatches, b)
	}
	return out, nil
}

func encodeTrained(r family.TrainResult) *pb.TrainResponse {
	return &pb.TrainResponse{
		Loss: r.Loss, Total: r.Total, GradNorm: r.GradNorm, Skipped: r.Skipped, Metrics: r.Metrics,
		ForwardSeconds: r.Seconds.Forward, BackwardSeconds: r.Seconds.Backward, UpdateSeconds: r.Seconds.Update,
	}
}

func decodeTrained(m *pb.TrainResponse) family.TrainResult {
	return family.TrainResult{
		Loss: m.GetLoss(), Total: m.GetTotal(), GradNorm: m.GetGradNorm(), Skipped: m.GetSkipped(), Metrics: m.GetMetrics(),
		Seconds: family.StepSeconds{Forward: m.GetForwardSeconds(), Backward: m.GetBackwardSeconds(), Update: m.GetUpdateSeconds()},
	}
}

// checkScore refuses a family's answer that does not fit the batch it was asked about.
func checkScore(r family.ScoreResult, b, t int) error {
	if len(r.LogProbs) != b*t || len(r.Correct) != b*t {
		return family.Errorf(family.Internal, "score", "the family answered %d log-probabilities and %d flags for B*T=%d positions", len(r.LogProbs), len(r.Correct), b*t)
	}
	return nil
}

func decodeScored(logProbs, correct *pb.Tensor, b, t int) (family.ScoreResult, error) {
	var out family.ScoreResult
	var err error
	if out.LogProbs, err = f32s(logProbs, "log_probs", 2); err != nil {
		return out, badAnswer(err)
	}
	if out.Correct, err = bools(correct, "correct", 2); err != nil {
		return out, badAnswer(err)
	}
	if err := checkScore(out, b, t); err != nil {
		return out, err
	}
	return out, nil
}

func encodeExtend(model uint64, r family.ExtendRequest) *pb.ExtendRequest {
	out := &pb.ExtendRequest{
		Model: model, All: r.All, TopK: int64(r.TopK), Draft: int64(r.Draft),
		States: make([]uint64, len(r.Items)), Lengths: make([]int64, len(r.Items)),
	}
	n := 0
	for i, it := range r.Items {
		out.States[i], out.Lengths[i] = uint64(it.State), int64(len(it.Tokens))
		n += len(it.Tokens)
	}
	tokens := make([]int32, 0, n)
	for _, it := range r.Items {
		tokens = append(tokens, it.Tokens...)
	}
	out.Tokens = i32Tensor(tokens, n)
	return out
}

func decodeExtend(m *pb.ExtendRequest) (family.ExtendRequest, error) {
	out := family.ExtendRequest{All: m.GetAll(), TopK: int(m.GetTopK()), Draft: int(m.GetDraft())}
	tokens, err := i32s(m.GetTokens(), "tokens", 1)
	if err != nil {
		return out, err
	}
	if len(m.GetStates()) != len(m.GetLengths()) {
		return out, family.Errorf(family.InvalidArgument, "lengths", "%d lengths for %d states", len(m.GetLengths()), len(m.GetStates()))
	}
	out.Items = make([]family.ExtendItem, len(m.States))
	for i, n := range m.Lengths {
		if n < 0 || n > int64(len(tokens)) {
			return out, family.Errorf(family.InvalidArgument, fmt.Sprintf("lengths[%d]", i), "%d tokens where %d remain", n, len(tokens))
		}
		out.Items[i] = family.ExtendItem{State: family.StateID(m.States[i]), Tokens: tokens[:n:n]}
		tokens = tokens[n:]
	}
	if len(tokens) > 0 {
		return out, family.Errorf(family.InvalidArgument, "tokens", "%d tokens more than the lengths say", len(tokens))
	}
	return out, nil
}

func encodeExtended(r family.ExtendResult, items, draft int) (*pb.ExtendResponse, error) {
	n := r.Rows * r.Width
	if len(r.Logits) != n || (r.IDs != nil && len(r.IDs) != n) {
		return nil, family.Errorf(family.Internal, "extend", "the family answered %d logits and %d ids for %d rows of %d", len(r.Logits), len(r.IDs), r.Rows, r.Width)
	}
	out := &pb.ExtendResponse{Logits: f32Tensor(r.Logits, r.Rows, r.Width)}
	if r.IDs != nil {
		out.Ids = i32Tensor(r.IDs, r.Rows, r.Width)
	}
	if r.Draft != nil {
		if items*draft == 0 || len(r.Draft)%(items*draft) != 0 {
			return nil, family.Errorf(family.Internal, "extend", "the family answered %d draft logits for %d items with %d heads", len(r.Draft), items, draft)
		}
		out.Draft = f32Tensor(r.Draft, items, draft, len(r.Draft)/(items*draft))
	}
	return out, nil
}

func decodeExtended(m *pb.ExtendResponse) (family.ExtendResult, error) {
	var out family.ExtendResult
	var err error
	if out.Logits, err = f32s(m.GetLogits(), "logits", 2); err != nil {
		return out, badAnswer(err)
	}
	out.Rows, out.Width = int(m.Logits.Shape[0]), int(m.Logits.Shape[1])
	if m.Ids != nil {
		if out.IDs, err = i32s(m.Ids, "ids", 2); err != nil {
			return out, badAnswer(err)
		}
		if err := sameShape("ids", m.Ids.Shape, m.Logits.Shape); err != nil {
			return out, badAnswer(err)
		}
	}
	if m.Draft != nil {
		out.Draft, err = f32s(m.Draft, "draft", 3)
	}
	return out, badAnswer(err)
}

func encodeTrace(model uint64, r family.TraceRequest) (*pb.TraceRequest, error) {
	b, err := encodeBatch(r.Batch)
	if err != nil {
		return nil, err
	}
	out := &pb.TraceRequest{Model: model, Batch: b, Capture: r.Capture}
	for i, e := range r.Edits {
		x := &pb.Edit{Site: e.Site, Kind: e.Kind, Rows: e.Rows}
		if e.Data.DType != "" {
			x.Data = encodeTensor(e.Data)
			if err := check(x.Data, fmt.Sprintf("edits[%d].data", i), "", -1); err != nil {
				return nil, err
			}
		}
		out.Edits = append(out.Edits, x)
	}
	return out, nil
}

func decodeTrace(m *pb.TraceRequest) (family.TraceRequest, error) {
	out := family.TraceRequest{Capture: m.GetCapture()}
	var err error
	if out.Batch, err = decodeBatch(m.GetBatch()); err != nil {
		return out, err
	}
	for i, e := range m.GetEdits() {
		x := family.Edit{Site: e.GetSite(), Kind: e.GetKind(), Rows: e.GetRows()}
		if e.Data != nil {
			if err := check(e.Data, fmt.Sprintf("edits[%d].data", i), "", -1); err != nil {
				return out, err
			}
			x.Data = decodeTensor(e.Data)
		}
		out.Edits = append(out.Edits, x)
	}
	return out, nil
}

func encodeTraced(r family.TraceResult, b, t int) (*pb.TraceResponse, error) {
	if err := checkScore(r.Score, b, t); err != nil {
		return nil, err
	}
	out := &pb.TraceResponse{LogProbs: f32Tensor(r.Score.LogProbs, b, t), Correct: boolTensor(r.Score.Correct, b, t)}
	for i, c := range r.Captured {
		x := encodeTensor(c)
		if err := check(x, fmt.Sprintf("captured[%d]", i), "", -1); err != nil {
			return nil, badAnswer(err)
		}
		out.Captured = append(out.Captured, x)
	}
	return out, nil
}

func decodeTraced(m *pb.TraceResponse, b, t int) (family.TraceResult, error) {
	var out family.TraceResult
	for _, c := range m.GetCaptured() {
		out.Captured = append(out.Captured, decodeTensor(c))
	}
	var err error
	out.Score, err = decodeScored(m.GetLogProbs(), m.GetCorrect(), b, t)
	return out, err
}

func encodeTensor(t family.Tensor) *pb.Tensor {
	return &pb.Tensor{Dtype: t.DType, Shape: toInt64s(t.Shape), Data: t.Data}
}

func decodeTensor(t *pb.Tensor) family.Tensor {
	return family.Tensor{DType: t.GetDtype(), Shape: toInts(t.GetShape()), Data: t.GetData()}
}

// badAnswer turns what would be the caller's fault in a request into the plugin's fault in an answer.
func badAnswer(err error) error {
	if err == nil {
		return nil
	}
	if fe, ok := err.(*family.Error); ok && fe.Code == family.InvalidArgument {
		return family.Errorf(family.Internal, fe.Field, "the plugin's answer: %s", fe.Message)
	}
	return err
}
