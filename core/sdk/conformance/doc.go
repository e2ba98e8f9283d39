// Package conformance judges a family by the contract alone: it sees a family.Family, feeds it tiny models and says which
// promises hold. It is not a benchmark and not a unit test of layers: it needs no knowledge of how a family is written, in
// which language or in which process it runs.
//
//	report := conformance.Run(ctx, fam, conformance.Options{})
//	report.WriteTable(os.Stdout)
//	if !report.OK() { ... }
//
// In a test, every check becomes a subtest:
//
//	conformance.Test(t, fam, conformance.Options{Configs: []conformance.Config{{Name: "tiny", JSON: json.RawMessage(`{"width":16}`)}}})
//
// Each Check is one sentence, one measured figure and one tolerance with its reason. A check that fails says what was
// expected and what was seen, with the position. Checks build their own models, so that they neither help nor hurt each
// other; the ones that only score and decode share one model that was trained for a few steps, because an untrained
// model hardly depends on its context and would hide leaks.
//
// Dimensions: B batch, T time, V vocabulary.
package conformance
