package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Report is everything that one command measured.
type Report struct {
	Machine   *Machine    `json:"machine"`
	Trainings []*Training `json:"trainings,omitempty"`
}

// WriteTrainings prints a table of all trainings, then where each one's time goes.
func WriteTrainings(w io.Writer, m *Machine, list []*Training) error {
	if len(list) == 0 {
		return nil
	}
	n := list[0].Threads
	fmt.Fprintf(w, "%s, %s, kernels: %s; FP32 peak %s GFLOP/s, DRAM %s GB/s\n", m.CPU, threads(n), m.Features[0], giga(m.Peak("fp32", n)), giga(m.Bandwidth("DRAM", n)))
	fmt.Fprintf(w, "medians of %d steps taken in turns. MFU: the card's training FLOPs a token (the model's own, nothing computed twice)\n"+
		"x tokens/s / FP32 peak. Counted: what the kernels ran. Moved: inputs and outputs of all ops, each once.\n\n", list[0].Steps)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "model\tprecision\tparams\tactive\tMFLOP/token\ttokens/s\tMFU\tcounted GFLOP/s\tmoved a step\tarena\tweights\tpeak RSS\tRPC+harness\t")
	for _, t := range list {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", t.Name, t.Precision, mega(t.Card.Parameters), mega(t.Card.ActiveParameters),
			significant(t.TokenFLOPs/1e6), t.Tokens.Median, percent(t.Utilisation), giga(t.CountedRate), binary(t.Bytes), binary(float64(t.ArenaBytes)), binary(float64(t.WeightBytes)),
			binary(float64(t.PeakRSS)), fmt.Sprintf("%.2f %%", 100*t.Seconds.Overhead()))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, t := range list {
		s := t.Seconds
		fmt.Fprintf(w, "\n%s: a step of %d x %d tokens takes %s ms: forward %s, backward %s, update %s, other %s, RPC %s, harness %s\n", t.Name, t.Batch, t.Context,
			milli(s.Step), milli(s.Forward), milli(s.Backward), milli(s.Update), milli(s.Other), milli(s.RPC), milli(s.Harness))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(tw, "op\tcalls\tms\tshare\tGFLOP/s\tGB/s\tFLOP/byte\troof\tof roof\t")
		rest := Op{Op: "the rest"}
		for i, o := range t.Ops {
			if i >= 16 && o.Share < 0.005 {
				rest.Calls, rest.Seconds, rest.Share = rest.Calls+o.Calls, rest.Seconds+o.Seconds, rest.Share+o.Share
				continue
			}
			o.write(tw)
		}
		if rest.Calls > 0 {
			rest.write(tw)
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func (o Op) write(w io.Writer) {
	dash := func(v float64, s string) string {
		if v == 0 {
			return "-"
		}
		return s
	}
	roof := o.Roof
	if roof == "" {
		roof = "-"
	}
	fmt.Fprintf(w, "%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", o.Op, o.Calls, milli(o.Seconds), percent(o.Share), dash(o.FLOPs, giga(o.FLOPs)), dash(o.Bytes, giga(o.Bytes)),
		dash(o.Intensity, significant(o.Intensity)), roof, percent(o.OfRoof))
}

func milli(seconds float64) string { return significant(1000 * seconds) }

func mega(n int64) string { return significant(float64(n)/1e6) + "M" }
