package conformance_test

import "github.com/archlab/archlab/core/family"

// fault is one promise that the double breaks on purpose.
type fault int

const (
	honest fault = iota
	// description, config, card
	versionMissing
	defaultOutOfRange
	presetUnknown
	knobUnknown
	announcesQuantize
	acceptsUnknownKey
	acceptsOutOfRange
	cardOffByOneTensor
	cardTensorMissing
	activeAboveTotal
	activeUnderstated
	activeCountsDrafts
	activeLacksOutput
	cardOnlyDiffers
	savesTransposed
	trainFLOPsOff
	prefillFLOPsOff
	decodeFLOPsOff
	stateBytesOff
	leaksStates
	profileIncomplete
	profileNeverResets
	// scoring
	leaksFuture
	leaksNeighbour
	leaksPadding
	startsIgnored
	shortRowsWrong
	lastOfContextRefused
	scoresZeroWeights
	argmaxWrong
	ignoresContext
	// decoding
	stepLosesState
	chunkLosesState
	longChunkLosesState
	lastDiffers
	topKWrong
	batchMixesStates
	forkShares
	forkForgetsHistory
	rewindKeepsRecurrence
	rewindToZeroWrong
	draftMovesState
	// training
	noGradient
	gradientOfOneTensor
	gradientSignFlipped
	gradientRowMissing
	normForgetsTensor
	divesByMicroBatches
	neverClips
	sgdForgetsMomentum
	lionKeepsSize
	muonForgetsScale
	muonKeepsDirection
	acceptsUnknownOptimizer
	updateFLOPsOff
	reportsClippedNorm
	lossCountsAux
	noBiasCorrection
	decaysVectors
	learnsFromZeroWeights
	trainsWhenSkipped
	countsSkippedStep
	stopsLearning
	// seeds and checkpoints
	seedFromClock
	seedIgnored
	trainingNotRepeatable
	threadsChangeBits
	recomputeChangesBits
	loadRounds
	resumeLosesStep
	resumeLosesMoment
	resumeLosesOptimizer
	acceptsMissingTensor
	corruptUntyped
	loadsHalf
	// input, cancellation, life
	acceptsBadTokens
	acceptsBadClip
	acceptsDuplicateState
	extendsBeforeChecking
	acceptsRewindTooFar
	ignoresEndedContext
	ignoresCancel
	updatesWhenCanceled
	keepsCanceledGradients
	tracesUnannounced
	sharedWeights
	notSerialised
	usableAfterRelease
)

// disturb changes what a document's recurrence starts from in a batch: nothing, for an honest model.
func (m *tinyModel) disturb(b family.Batch, doc [2]int, h []float64) {
	row := doc[0] / b.T
	switch m.fault {
	case leaksFuture:
		if doc[1]-doc[0] > 1 { // the last token of the document
			h[0] += 0.01 * float64(b.Tokens[doc[1]-1])
		}
	case leaksNeighbour:
		if row > 0 {
			h[0] += 0.01 * float64(b.Tokens[0])
		}
	case shortRowsWrong:
		if b.T == 1 {
			h[0] += 0.05
		}
	case leaksPadding:
		for i := (row + 1) * b.T; i > row*b.T && b.Weights[i-1] == 0; i-- {
			h[0] += 0.02
		}
	}
}

// spoilGradients changes the gradients before they are used.
func (m *tinyModel) spoilGradients() {
	switch m.fault {
	case noGradient:
		m.clearGradients()
	case gradientOfOneTensor:
		for i := range m.params[mix].g {
			m.params[mix].g[i] *= 1.15
		}
	case gradientSignFlipped:
		for i := range m.params[decay].g {
			m.params[decay].g[i] *= -1
		}
	case gradientRowMissing:
		clear(m.params[up].g[:2*m.c.Width])
	case trainingNotRepeatable: // as a sum whose order depends on a race
		m.params[bias].g[0] *= 1 + 1e-5*float64(m.seed)
	case threadsChangeBits, recomputeChangesBits:
		if m.threads > 1 {
			m.params[bias].g[0] *= 1 + 1e-6
		}
	}
}

// shareWith makes all models of a family use the weights of the one built first.
func (m *tinyModel) shareWith(f *tinyFamily) {
	if f.first == nil {
		f.first = m
		return
	}
	for i, p := range f.first.params {
		if i < len(m.params) && p.n == m.params[i].n {
			m.params[i].w = p.w
		}
	}
}
