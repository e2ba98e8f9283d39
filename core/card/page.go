package card

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/archlab/archlab/core/record"
)

// WritePage writes verdicts as a Markdown page that the given command renews; from names, in Markdown, where the cards are.
func WritePage(w io.Writer, verdicts []Verdict, command, from string) error {
	p := &printer{w: w}
	p.printf("# Published-result cards\n\nWritten by `%s`. Each card of %s states a paper's claim, the experiment that\nchecks it here and what has to hold. "+
		"A red card stays red until the claim holds: its check is never loosened. Seconds are those of the runs,\nothers' work on the machine included.\n", command, from)
	p.printf("\n| card | claim | paper | setting | verdict | time |\n|---|---|---|---|---|---|\n")
	for _, v := range verdicts {
		p.printf("| [%s](#%s) | %s | %s | %s | **%s** | %s |\n", v.Card, v.Card, cell(v.Claim), cell(v.Paper), v.Setting, v.Status, v.took())
	}
	for _, v := range verdicts {
		p.card(v)
	}
	return p.err
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *printer) card(v Verdict) {
	p.printf("\n## %s\n\n%s\n\n%s. %s", v.Card, cell(v.Claim), cell(v.Paper), v.Setting)
	for i, s := range v.Scaled {
		p.printf("%s%s", map[bool]string{true: ": ", false: "; "}[i == 0], cell(s))
	}
	p.printf(".\n")
	if len(v.Sets) > 0 {
		p.printf("\nThe experiment was changed by `%s`.\n", strings.Join(v.Sets, "`, `"))
	}
	if v.Why != "" {
		p.printf("\nBroken: %s\n", cell(v.Why))
	}
	if len(v.Checks) > 0 {
		p.printf("\n| check | case | expected | seen | verdict |\n|---|---|---|---|---|\n")
		for _, j := range v.Checks {
			p.printf("| %s | %s | %s | %s | %s |\n", cell(j.That), j.Case, cell(j.Expected), cell(j.Seen), j.Status)
		}
	}
	if len(v.Beside) > 0 {
		p.printf("\n| model | case |")
		for _, q := range v.Beside[0].Values {
			p.printf(" %s |", strings.ReplaceAll(q.Name, "_", " "))
		}
		p.printf("\n|---|---|%s\n", strings.Repeat("---|", len(v.Beside[0].Values)))
		for _, b := range v.Beside {
			p.printf("| %s | %s |", b.Model, b.Case)
			for _, q := range b.Values {
				p.printf(" %s |", q.Text())
			}
			p.printf("\n")
		}
	}
	for _, n := range v.Notes {
		p.printf("\n%s\n", cell(n))
	}
	if v.Machine != "" {
		p.printf("\n%s of runs by archlab %s on %s.\n", v.took(), v.Archlab, v.Machine)
	}
}

func (v Verdict) took() string {
	if len(v.Runs) == 0 {
		return "-"
	}
	return time.Duration(v.Seconds * float64(time.Second)).Round(time.Second).String()
}

// cell keeps text in one cell of a table.
func cell(s string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", "\\|")
}

func machine(m record.Machine) string {
	return fmt.Sprintf("%s with %d threads, %s/%s, %s", m.CPU, m.Cores, m.OS, m.Arch, m.Go)
}
