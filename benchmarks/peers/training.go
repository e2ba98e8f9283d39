package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/archlab/archlab/core/family"
)

// shape is a size of model and batch at which systems are compared.
type shape struct {
	name                                        string
	layers, width, heads, vocab, context, batch int
}

var (
	shapeB = shape{"(b)", 4, 256, 4, 4096, 256, 8}
	shapeC = shape{"(c)", 4, 128, 4, 512, 256, 16}
)

func (s shape) tokens() int { return s.batch * s.context }

func (s shape) args(more ...string) []string {
	return append([]string{"--layers", fmt.Sprint(s.layers), "--width", fmt.Sprint(s.width), "--heads", fmt.Sprint(s.heads),
		"--vocab", fmt.Sprint(s.vocab), "--context", fmt.Sprint(s.context), "--batch", fmt.Sprint(s.batch)}, more...)
}

// gpt2 is the shape as our transformer's config.
func (s shape) gpt2() string {
	return fmt.Sprintf(`{"preset":"gpt2","layers":%d,"width":%d,"heads":%d}`, s.layers, s.width, s.heads)
}

// decoder is the shape in the form that our experts and prediction heads build on.
func (s shape) decoder(more string) string {
	return fmt.Sprintf(`{"layers":%d,"width":%d,"heads":%d%s}`, s.layers, s.width, s.heads, more)
}

func (b *bench) ours(name, fam, config string, s shape, precision family.Precision) (*entrant, error) {
	return b.enter(name, fam, config, s.vocab, s.batch, s.context, precision)
}

func closeAll(entrants ...*entrant) {
	for _, e := range entrants {
		if e != nil {
			e.runner.close()
		}
	}
}

// ratio is a/b, 0 if either is missing.
func ratio(a, b float64) float64 {
	if a > 0 && b > 0 {
		return a / b
	}
	return 0
}

// dense compares a GPT of nanoGPT's shape with PyTorch and llm.c, in FP32.
func (b *bench) dense() error {
	for _, s := range []shape{shapeB, shapeC} {
		peer := b.torch("PyTorch, GPT "+s.name+" FP32", s.tokens(), "gpt.py", s.args())
		own, err := b.ours("archlab, GPT "+s.name+" FP32", "transformer", s.gpt2(), s, family.FP32)
		if err != nil {
			return err
		}
		var c *entrant
		if s == shapeB {
			c = b.llmc(s)
		}
		peak, err := b.race(peer, own, c)
		if err != nil {
			return err
		}
		r := ratio(own.rate(), peer.rate())
		if s == shapeC {
			b.results.bar("dense training step, shape (c), FP32", ">= 1.8x PyTorch", r, 1.8, "%.2fx", "PyTorch is not installed")
			b.results.limit(own, 1.8*peer.rate(), peak)
			closeAll(peer, own, c)
			continue
		}
		use := own.rate() * own.tokenFLOPs() / peak
		p, err := b.profile(own)
		if err != nil {
			return err
		}
		b.results.Profiles = append(b.results.Profiles, p)
		b.results.bar("dense training step, shape (b), FP32: model FLOPs of FP32 peak", ">= 75 %", use, 0.75, "percent", "")
		b.results.bar("dense training step, shape (b), FP32", ">= 1.35x PyTorch", r, 1.35, "%.2fx", "PyTorch is not installed")
		b.results.limit(own, 1.35*peer.rate(), peak)
		b.results.bar("dense training step, shape (b), FP32", ">= 6x llm.c", ratio(own.rate(), c.rate()), 6, "%.2fx", "LLM_C names no checkout of llm.c")
		b.results.limit(own, 6*c.rate(), peak)
		least := float64(b.results.LeastMemory["PyTorch, GPT (b) FP32"])
		b.results.bar("peak memory of the step at (b), FP32: resident, of PyTorch's least", "<= 50 %", -ratio(float64(own.runner.peakRSS()), least), -0.5, "percent", "PyTorch is not installed")
		b.results.bar("RPC and harness at (b), of a step", "< 1 %", -p.Seconds.Overhead(), -0.01, "percent", "")
		closeAll(peer, own, c)
	}
	return nil
}

// llmc builds and starts llm.c, nil where there is none.
func (b *bench) llmc(s shape) *entrant {
	path := os.Getenv("LLM_C")
	if path == "" {
		return nil
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	bin, err := b.compile("gcc", "llmc.c", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-w", "-I", path, "-lm")
	if err == nil {
		var w *worker
		env := environment("OMP_NUM_THREADS=" + fmt.Sprint(b.threads))
		w, err = start(b.ctx, b.dir, env, bin, fmt.Sprint(s.layers), fmt.Sprint(s.width), fmt.Sprint(s.heads), fmt.Sprint(s.vocab), fmt.Sprint(s.context), fmt.Sprint(s.batch), filepath.Join(b.dir, "llmc.bin"))
		if err == nil {
			return &entrant{name: "llm.c, GPT " + s.name + " FP32", tokens: s.tokens(), runner: w}
		}
	}
	b.results.note("llm.c: %v", err)
	return nil
}

// bf16 compares mixed precision with FP32 and with PyTorch's autocast.
func (b *bench) bf16() error {
	d, err := builtins["transformer"]().Describe(b.ctx)
	if err != nil {
		return err
	}
	native := b.results.Machine.Peak("bf16", b.threads) > 0
	why := "this CPU has no BF16 dot product: products widen BF16 to FP32, and PyTorch emulates it"
	if !slices.Contains(d.Capabilities.Precisions, "bf16") {
		why = "the family does not offer bf16"
	}
	bar := func(what, want string, v, least float64, format string) {
		if native {
			b.results.bar(what, want, v, least, format, "")
			return
		}
		b.results.beside(what, want, v, format, why)
	}
	if !slices.Contains(d.Capabilities.Precisions, "bf16") {
		bar("dense training step, shape (b), BF16", ">= 60 % of BF16 peak; >= 1.3x PyTorch's autocast", 0, 1, "%.2fx")
		return nil
	}
	for _, s := range []shape{shapeB, shapeC} {
		var peer *entrant
		if native { // PyTorch's emulation takes half a minute a step
			peer = b.torch("PyTorch, GPT "+s.name+" BF16 autocast", s.tokens(), "gpt.py", s.args("--precision", "bf16"))
		} else {
			peer = b.torch("PyTorch, GPT "+s.name+" FP32, for want of BF16", s.tokens(), "gpt.py", s.args())
		}
		single, err := b.ours("archlab, GPT "+s.name+" FP32 beside BF16", "transformer", s.gpt2(), s, family.FP32)
		if err != nil {
			return err
		}
		half, err := b.ours("archlab, GPT "+s.name+" BF16", "transformer", s.gpt2(), s, "bf16")
		if err != nil {
			return err
		}
		if _, err := b.race(peer, half, single); err != nil {
			return err
		}
		least := 1.3
		bar("dense training step, shape "+s.name+", BF16, against PyTorch's quickest precision", ">= 1.3x", ratio(half.rate(), peer.rate()), least, "%.2fx")
		if s == shapeB {
			if native {
				bar("dense training step, shape (b), BF16: model FLOPs of BF16 peak", ">= 60 %", half.rate()*half.tokenFLOPs()/b.results.Machine.Peak("bf16", b.threads), 0.6, "percent")
			}
			p, err := b.profile(half)
			if err != nil {
				return err
			}
			q, err := b.profile(single)
			if err != nil {
				return err
			}
			b.results.Profiles = append(b.results.Profiles, p)
			b.results.bar("arena at (b): BF16 of FP32", "halves", -ratio(float64(p.ArenaBytes), float64(q.ArenaBytes)), -0.5, "percent", "")
		}
		closeAll(peer, half, single)
	}
	return nil
}

// mamba compares the selective scan's model with mamba.py, with our own plain PyTorch, and with our own dense one.
func (b *bench) mamba() error {
	for _, s := range []shape{shapeB, shapeC} {
		m := s
		m.layers = 7
		var theirs *entrant
		if path := os.Getenv("MAMBA_PY"); path != "" {
			if abs, err := filepath.Abs(path); err == nil {
				path = abs
			}
			theirs = b.torch("mamba.py, Mamba "+s.name, s.tokens(), "mamba.py", m.args("--path", path))
		}
		plain := b.torch("PyTorch, Mamba "+s.name, s.tokens(), "mamba.py", m.args(), []string{"--form", "doubling"}, []string{"--form", "stepping"})
		own, err := b.ours("archlab, Mamba "+s.name, "mamba", fmt.Sprintf(`{"layers":7,"width":%d}`, s.width), s, family.FP32)
		if err != nil {
			return err
		}
		dense, err := b.ours("archlab, GPT "+s.name+" beside Mamba", "transformer", s.gpt2(), s, family.FP32)
		if err != nil {
			return err
		}
		own.each, dense.each = 2, 2
		peak, err := b.race(theirs, plain, own, dense)
		if err != nil {
			return err
		}
		b.results.bar("Mamba training step, "+s.name+", against mamba.py", ">= 10x", ratio(own.rate(), theirs.rate()), 10, "%.1fx", "MAMBA_PY names no checkout of mamba.py")
		b.results.limit(own, 10*theirs.rate(), peak)
		b.results.bar("Mamba training step, "+s.name+", against our own Mamba in PyTorch, which is quicker", ">= 10x", ratio(own.rate(), plain.rate()), 10, "%.1fx", "PyTorch is not installed")
		b.results.limit(own, 10*plain.rate(), peak)
		b.results.bar("Mamba training step, "+s.name+", of our dense model's tokens/s at like parameters", ">= 50 %", ratio(own.rate(), dense.rate()), 0.5, "percent", "")
		if s == shapeB {
			p, err := b.profile(own)
			if err != nil {
				return err
			}
			b.results.Profiles = append(b.results.Profiles, p)
		}
		closeAll(theirs, plain, own, dense)
	}
	return nil
}

// experts compares routed experts with PyTorch's two usual forms, and with a dense model of the same active parameters.
func (b *bench) experts() error {
	for _, s := range []shape{shapeB, shapeC} {
		peer := b.torch("PyTorch, experts "+s.name, s.tokens(), "experts.py", s.args(), []string{"--form", "loop"}, []string{"--form", "batched"})
		// Each of eight experts as wide as a dense layer, as in the peer; ff_width counts the two that a token uses.
		same := s.decoder(fmt.Sprintf(`,"norm":"layernorm","mlp":"gelu","positions":"learned","ff_width":%d`, 8*s.width))
		own, err := b.ours("archlab, experts "+s.name+" as wide as PyTorch's", "moe", same, s, family.FP32)
		if err != nil {
			return err
		}
		equal, err := b.ours("archlab, experts "+s.name+" at dense active size", "moe", s.decoder(""), s, family.FP32)
		if err != nil {
			return err
		}
		dense, err := b.ours("archlab, dense "+s.name+" beside experts", "transformer", s.decoder(""), s, family.FP32)
		if err != nil {
			return err
		}
		peak, err := b.race(peer, own, equal, dense)
		if err != nil {
			return err
		}
		b.results.bar("routed experts, 8 top-2, "+s.name+", against the better of two PyTorch forms", ">= 2.5x", ratio(own.rate(), peer.rate()), 2.5, "%.2fx", "PyTorch is not installed")
		b.results.limit(own, 2.5*peer.rate(), peak)
		b.results.bar("routed experts, "+s.name+", of a dense model's tokens/s at the same active parameters", ">= 80 %", ratio(equal.rate(), dense.rate()), 0.8, "percent", "")
		if s == shapeB {
			p, err := b.profile(equal)
			if err != nil {
				return err
			}
			b.results.Profiles = append(b.results.Profiles, p)
		}
		closeAll(peer, own, equal, dense)
	}
	return nil
}

// heads holds what prediction heads cost against the operations that they add, and their memory against that of fewer.
func (b *bench) heads() error {
	s := shapeB
	dense, err := b.ours("archlab, dense (b) beside prediction heads", "transformer", s.decoder(""), s, family.FP32)
	if err != nil {
		return err
	}
	of := func(form string, n int) (*entrant, error) {
		return b.ours(fmt.Sprintf("archlab, %d %s heads (b)", n, form), "mtp", s.decoder(fmt.Sprintf(`,"form":%q,"extra":%d`, form, n-1)), s, family.FP32)
	}
	for _, form := range []string{"independent", "sequential"} {
		two, err := of(form, 2)
		if err != nil {
			return err
		}
		four, err := of(form, 4)
		if err != nil {
			return err
		}
		if _, err := b.race(dense, four, two); err != nil {
			return err
		}
		added := ratio(ratio(dense.rate(), four.rate()), ratio(four.tokenFLOPs(), dense.tokenFLOPs()))
		b.results.bar(fmt.Sprintf("4 %s prediction heads: step time over the operations they add", form), "<= 1.10x", -added, -1.10, "%.2fx", "")
		p, err := b.profile(four)
		if err != nil {
			return err
		}
		q, err := b.profile(two)
		if err != nil {
			return err
		}
		if form == "independent" {
			b.results.Profiles = append(b.results.Profiles, p)
		}
		b.results.bar(fmt.Sprintf("4 %s prediction heads: arena over that of 2", form), "does not grow (<= 1.02x)", -ratio(float64(p.ArenaBytes), float64(q.ArenaBytes)), -1.02, "%.2fx", "")
		closeAll(four, two)
		dense.seconds = nil
	}
	closeAll(dense)
	return nil
}
