package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
)

// giga writes a rate in billions with three significant digits.
func giga(v float64) string { return significant(v / 1e9) }

func significant(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || a == 0:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.01:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

func percent(v float64) string {
	if v == 0 || math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

// binary writes bytes in binary units.
func binary(v float64) string {
	for _, u := range []struct {
		f float64
		s string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if v >= u.f {
			return significant(v/u.f) + " " + u.s
		}
	}
	return significant(v) + " B"
}

func threads(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// WriteText prints the machine for a person.
func (m *Machine) WriteText(w io.Writer) error {
	cpu := m.CPU
	if cpu == "" {
		cpu = "CPU"
	}
	fmt.Fprintf(w, "%s, %s, kernels: %s", cpu, threads(m.Threads), m.Features[0])
	for _, c := range m.Caches {
		fmt.Fprintf(w, ", L%d %s", c.Level, binary(float64(c.Bytes)))
	}
	fmt.Fprintf(w, "\nmedians of %d samples taken in turns; a multiply-add counts as two operations\n\n", m.Rounds)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	counts := threadCounts(m.Threads)
	head := "limit\t"
	for _, n := range counts {
		head += threads(n) + "\t"
	}
	fmt.Fprintln(tw, head)
	for _, a := range []string{"fp32", "bf16", "int8"} {
		if m.Peak(a, 1) == 0 {
			continue
		}
		line := strings.ToUpper(a) + " multiply-adds on registers, Gop/s\t"
		for _, n := range counts {
			line += giga(m.Peak(a, n)) + "\t"
		}
		fmt.Fprintln(tw, line)
	}
	for _, b := range m.Bandwidths {
		if b.Threads != 1 {
			continue
		}
		line := fmt.Sprintf("read %s (%s a thread), GB/s\t", b.Level, binary(float64(b.Buffer)))
		for _, n := range counts {
			line += giga(m.Bandwidth(b.Level, n)) + "\t"
		}
		fmt.Fprintln(tw, line)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(m.Products) > 0 {
		fmt.Fprintln(w)
		if err := m.writeProducts(w, counts); err != nil {
			return err
		}
	}
	for i, s := range m.Missing {
		if i == 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, "not measured: "+s)
	}
	return nil
}

// writeProducts prints a line for each product and form, with a pair of columns for each number of threads.
func (m *Machine) writeProducts(w io.Writer, counts []int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "matrix product\tform\tweights\t"
	for _, n := range counts {
		head += threads(n) + ", Gop/s\tof peak\t"
	}
	fmt.Fprintln(tw, head+"reading the weights\t")
	for _, p := range m.Products {
		if p.Threads != 1 {
			continue
		}
		line := fmt.Sprintf("%s\t%s\t%s\t", p.Name, p.Form, p.Weights)
		note := ""
		for _, n := range counts {
			for _, q := range m.Products {
				if q.Name == p.Name && q.Form == p.Form && q.Weights == p.Weights && q.Threads == n {
					line += giga(q.Operations.Median) + "\t" + percent(q.OfPeak) + "\t"
					if q.Level != "" {
						note = fmt.Sprintf("%s of %s's bandwidth (%s)", percent(q.OfBandwidth), q.Level, threads(n))
					}
				}
			}
		}
		fmt.Fprintln(tw, line+note+"\t")
	}
	return tw.Flush()
}
