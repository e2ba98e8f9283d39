// Package bench measures: what this machine can do at best (its roofline), what the kernels reach of that, and what a
// family's training step reaches. It prints what it measured as text and as one self-contained page. It judges no models
// and keeps no records.
//
//	m, err := bench.MeasureMachine(ctx, bench.MachineOptions{Rounds: 5})
//	err = m.WriteText(os.Stdout)
//
// Figures of different moments do not compare: clocks and neighbours change. Everything that is set in relation is
// measured in turns, and each figure is the median over the turns.
package bench
