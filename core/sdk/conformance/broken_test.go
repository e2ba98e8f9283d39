package conformance_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk/conformance"
)

// broken lists, for every fault, the checks that must fail: the first one is the check made for it, the others see the same
// defect because it breaks their promise too. Every other check must pass.
var broken = []struct {
	name  string
	fault fault
	fails string
}{
	{"has no version", versionMissing, "describe"},
	{"a default outside its own range", defaultOutOfRange, "schema"},
	{"announces a preset that it does not have", presetUnknown, "presets"},
	{"knob that is no key", knobUnknown, "knob"},
	{"announces a quantization that it lacks", announcesQuantize, "capabilities"},
	{"accepts an unknown config key", acceptsUnknownKey, "bad-config"},
	{"accepts a value out of range", acceptsOutOfRange, "bad-config"},
	{"card's parameters off by one tensor", cardOffByOneTensor, "card"},
	{"card lacks a tensor", cardTensorMissing, "saved-tensors"},
	{"more active than total parameters", activeAboveTotal, "card active-parameters"},
	{"active parameters understated by 30 %", activeUnderstated, "active-parameters"},
	{"active parameters without the output projection", activeLacksOutput, "active-parameters"},
	{"heads for training counted as active", activeCountsDrafts, "active-parameters"},
	{"another card without a model", cardOnlyDiffers, "card-only"},
	{"saves another shape", savesTransposed, "saved-tensors"},
	{"training FLOPs off by 10 %", trainFLOPsOff, "train-flops"},
	{"prefill FLOPs off by 10 %", prefillFLOPsOff, "prefill-flops"},
	{"decode FLOPs off by 10 %", decodeFLOPsOff, "decode-flops"},
	{"state bytes counted in bits", stateBytesOff, "state-bytes"},
	{"closed states stay", leaksStates, "state-bytes bad-decode"},
	{"profile leaves an op out", profileIncomplete, "profile"},
	{"profile never resets", profileNeverResets, "profile train-flops update-flops prefill-flops decode-flops"},
	{"sees the future", leaksFuture, "causality padding decode-score shapes zero-weights"},
	{"sees its batch neighbour", leaksNeighbour, "batch starts decode-score micro-batches"},
	{"sees the padding", leaksPadding, "padding"},
	{"ignores document starts", startsIgnored, "starts"},
	{"wrong for single tokens", shortRowsWrong, "shapes starts"},
	{"refuses the last token of its context", lastOfContextRefused, "context"},
	{"scores positions of weight 0", scoresZeroWeights, "score-weights"},
	{"wrong argmax", argmaxWrong, "decode-score"},
	{"ignores its context", ignoresContext, "sensitivity gradient"},
	{"loses state after a step", stepLosesState, "decode-steps"},
	{"loses state after a chunk of seven", chunkLosesState, "decode-chunks"},
	{"loses state at its own chunk's border", longChunkLosesState, "decode-long"},
	{"last position answered otherwise", lastDiffers, "decode-last decode-topk decode-draft"},
	{"ids of the top k swapped", topKWrong, "decode-topk"},
	{"states of one call mix", batchMixesStates, "decode-batch"},
	{"fork shares its state", forkShares, "decode-fork decode-fork-rewind"},
	{"fork forgets what was fed before it", forkForgetsHistory, "decode-fork-rewind"},
	{"rewind keeps the recurrence", rewindKeepsRecurrence, "decode-rewind decode-fork-rewind decode-long"},
	{"rewind to zero leaves a trace", rewindToZeroWrong, "decode-rewind"},
	{"drafting moves the state", draftMovesState, "decode-draft"},
	{"has no gradient", noGradient, "gradient grad-norm micro-batches clipping adamw optimizers overfit shapes"},
	{"gradient of one tensor 15 % too long", gradientOfOneTensor, "gradient"},
	{"gradient of one tensor with the wrong sign", gradientSignFlipped, "gradient"},
	{"gradient of two rows missing", gradientRowMissing, "gradient"},
	{"norm forgets a tensor", normForgetsTensor, "grad-norm"},
	{"gradients averaged over micro-batches", divesByMicroBatches, "micro-batches"},
	{"never clips", neverClips, "clipping"},
	{"reports the norm after clipping", reportsClippedNorm, "clipping"},
	{"loss with something added", lossCountsAux, "loss shapes"},
	{"wrong bias correction", noBiasCorrection, "adamw optimizers"},
	{"decays vectors", decaysVectors, "adamw optimizers"},
	{"SGD forgets its momentum", sgdForgetsMomentum, "optimizers"},
	{"Lion steps by the size of its momentum", lionKeepsSize, "optimizers"},
	{"Muon forgets its scale", muonForgetsScale, "optimizers"},
	{"Muon follows its momentum as it is", muonKeepsDirection, "optimizers"},
	{"trains by an optimizer that it does not know", acceptsUnknownOptimizer, "bad-step"},
	{"FLOPs of an update off by 10 %", updateFLOPsOff, "update-flops"},
	{"learns from positions of weight 0", learnsFromZeroWeights, "zero-weights adamw gradient optimizers"},
	{"stops learning after twelve steps", stopsLearning, "overfit"},
	{"trains when skipped", trainsWhenSkipped, "skipped"},
	{"counts a skipped step", countsSkippedStep, "skipped"},
	{"seed from the clock", seedFromClock, "seed"},
	{"seed ignored", seedIgnored, "seed"},
	{"training not repeatable", trainingNotRepeatable, "repeat threads recompute resume skipped zero-weights canceled-during"},
	{"threads change bits", threadsChangeBits, "threads"},
	{"computing again changes bits", recomputeChangesBits, "recompute"},
	{"load rounds", loadRounds, "save-load resume skipped"},
	{"resume loses the optimizer's step", resumeLosesStep, "resume"},
	{"resume loses a moment", resumeLosesMoment, "resume"},
	{"resume loses which optimizer it was", resumeLosesOptimizer, "resume"},
	{"accepts a missing tensor", acceptsMissingTensor, "corrupt"},
	{"corrupt file without a code", corruptUntyped, "corrupt"},
	{"loads half of a bad file", loadsHalf, "corrupt"},
	{"accepts bad tokens", acceptsBadTokens, "bad-batch"},
	{"accepts a bad clip", acceptsBadClip, "bad-step"},
	{"accepts a state given twice", acceptsDuplicateState, "bad-decode"},
	{"moves a state before it refuses", extendsBeforeChecking, "bad-decode"},
	{"accepts a rewind too far", acceptsRewindTooFar, "bad-decode"},
	{"begins a call whose context has ended", ignoresEndedContext, "canceled-before"},
	{"ignores cancellation", ignoresCancel, "canceled-during"},
	{"updates when cancelled", updatesWhenCanceled, "canceled-during"},
	{"keeps the gradients of a cancelled step", keepsCanceledGradients, "canceled-during"},
	{"traces without announcing it", tracesUnannounced, "capabilities"},
	{"models share weights", sharedWeights, "isolation seed corrupt canceled-during"},
	{"calls share a buffer", notSerialised, "concurrent"},
	{"works after release", usableAfterRelease, "release"},
}

// A check that nothing breaks is worth nothing.
func TestEveryCheckIsBroken(t *testing.T) {
	caught := map[string]bool{}
	for _, c := range broken {
		caught[strings.Fields(c.fails)[0]] = true
	}
	for _, c := range conformance.Checks() {
		if !caught[c.Name] {
			t.Errorf("no double is made to fail %s", c.Name)
		}
		if c.Meaning == "" || c.Tolerance.Reason == "" {
			t.Errorf("%s lacks a meaning or a reason for its tolerance", c.Name)
		}
	}
}

func TestBrokenDoublesAreCaught(t *testing.T) {
	for _, c := range broken {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expectFailures(t, newTiny(c.fault), c.fails)
		})
	}
}

// expectFailures judges a family and demands that exactly the checks named in fails do.
func expectFailures(t *testing.T, fam family.Family, fails string) {
	t.Helper()
	quick := !strings.Contains(fails, "decode-long") // which Quick leaves out
	r := conformance.Run(t.Context(), fam, conformance.Options{Quick: quick, Configs: []conformance.Config{
		{Name: "tiny", JSON: json.RawMessage(`{"width":12,"heads":3,"drafts":1}`)},
	}})
	got, want := r.FailedChecks(), strings.Fields(fails)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("failed: %v\n  want: %v", got, want)
	}
	for _, x := range r.Results {
		if x.Status == conformance.Fail {
			t.Logf("%s: %s", x.Check, strings.Join(x.Failures, "\n\t"))
		}
	}
}
