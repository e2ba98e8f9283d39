// Package card reads published-result cards and judges them: a card holds a claim of a paper, what the paper reports, the
// experiment that checks it here, and the checks over the results. It trains nothing: the runs of a card are made by
// archlab run, and this package reads what they left.
//
//	c, err := card.Read("benchmarks/cards/mqar.yaml")
//	v := c.Judge(runs) // a Run for each of c.Cases
//
// A verdict is green when every check holds, red when one does not, and broken when a check has nothing to read: a training that
// failed, a measure that was not taken. A red card is news about the claim, a model or a task, never a reason to widen
// the check.
package card
