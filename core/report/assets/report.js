// Fills the report's charts from the embedded report.json.
"use strict";
(() => {
  const rep = JSON.parse(document.getElementById("report-data").textContent);
  const rows = rep.rows, hue = new Map(rows.map((r, i) => [r.name, color(i)]));
  const place = id => document.getElementById(id);
  const axes = { tokens: ["trained tokens", si], FLOPs: ["training FLOPs", si], seconds: ["training seconds", seconds] };
  const key = { tokens: "tokens", FLOPs: "flops", seconds: "seconds" };
  const text = rows.some(r => (r.curves || []).some(c => c.validation.some(p => p.bpb != null)));
  const task = rows.some(r => (r.curves || []).some(c => c.validation.some(p => p.accuracy != null)));

  // mean averages several seeds' curves point by point; x is averaged too, since seconds differ from seed to seed.
  const mean = (curves, get) => {
    const n = Math.min(...curves.map(c => c.length));
    return [...Array(n).keys()].map(i => curves.reduce((s, c) => { const [x, y] = get(c[i]); return [s[0] + x / curves.length, s[1] + y / curves.length]; }, [0, 0]));
  };
  if (place("curves")) {
    const what = [...(text ? ["bits per byte"] : []), ...(task ? ["accuracy"] : []), "validation loss", "training loss"];
    panel(place("curves"), [{ label: "show", options: what }, { label: "against", options: Object.keys(axes) }, { label: "x axis", options: ["linear", "log"] }, { label: "seeds", options: ["mean", "each"] }], ([y, x, sx, seeds]) => {
      const [label, format] = axes[x], train = y === "training loss";
      const value = p => y === "bits per byte" ? p.bpb : y === "accuracy" ? p.accuracy : p.loss;
      const series = [];
      for (const r of rows) {
        const curves = (r.curves || []).map(c => (train ? c.train : c.validation).filter(p => value(p) != null)).filter(c => c.length);
        if (!curves.length) continue;
        const get = p => [p[key[x]], value(p)];
        const style = { name: r.name, color: hue.get(r.name), marks: !train };
        if (seeds === "each") for (const c of curves) series.push({ ...style, points: c.map(get), thin: true });
        else series.push({ ...style, points: mean(curves, get) });
      }
      // Controls do not learn by steps: their test figure is a level to beat.
      const xs = series.flatMap(q => q.points.map(p => p[0]));
      if (!train && xs.length) for (const r of rows) {
        const level = r.control && (y === "bits per byte" ? r.bpb : y === "accuracy" ? r.accuracy : r.loss).mean;
        if (level) series.push({ name: r.name + " (control, test)", color: hue.get(r.name), dash: "5 4", points: [[Math.min(...xs), level], [Math.max(...xs), level]] });
      }
      return { height: 340, x: { label, format, log: sx === "log" }, y: { label: y === "accuracy" ? y : y === "bits per byte" ? y : y + " (nats a token)", format: y === "accuracy" ? percent : fixed, max: y === "accuracy" ? 1 : undefined }, series };
    });
  }
  (rep.tuning || []).forEach((t, k) => place("tuning-" + k) && panel(place("tuning-" + k), [{ label: "against", options: ["rates", "tokens", "FLOPs"] }], ([a]) => ({
    height: 260, x: { label: a === "rates" ? "rates tried" : a + " spent on trials", format: a === "rates" ? whole : si, whole: a === "rates" },
    y: { label: "expected best validation loss", format: fixed },
    series: t.models.map(m => ({ name: m.model, color: hue.get(m.model), marks: true, points: m.best.filter(b => b.loss != null).map(b => [b[key[a] || "rates"], b.loss]) })).filter(s => s.points.length),
  })));
  const simple = (id, x, y, of, choices, pick) => place(id) && panel(place(id), choices || [], ch => ({
    height: 280, x, y: pick ? { ...y, ...pick(ch) } : y,
    series: rows.map(r => ({ name: r.name, color: hue.get(r.name), marks: true, points: of(r, ch) })).filter(s => s.points.length),
  }));
  simple("positions", { label: "position in the context (first of each bin)", format: whole, log: true, base: 2 }, { label: "test loss (nats a token)", format: fixed }, r => (r.by_position || []).map(p => [p.from + 1, p.loss]));
  simple("decode-speed", { label: "context length", format: whole, log: true, base: 2 }, { label: "decoded tokens per second", format: si, log: true }, r => (r.decode || []).map(d => [d.t, d.tokens_per_second]));
  simple("decode-state", { label: "context length", format: whole, log: true, base: 2 }, { label: "state of one sequence", format: bytes, log: true, base: 2 }, r => (r.decode || []).filter(d => d.state_bytes > 0).map(d => [d.t, d.state_bytes]));
  if (place("lengths")) {
    const all = rows.flatMap(r => r.lengths || []), first = all[0];
    panel(place("lengths"), [{ label: "x axis", options: ["log", "linear"] }], ([sx]) => ({
      height: 320, x: { label: first.parameter, format: whole, log: sx === "log", base: 2 }, y: { label: "accuracy", format: percent, zero: true, max: 1 },
      series: [...rows.map(r => ({ name: r.name, color: hue.get(r.name), marks: true, points: (r.lengths || []).map(p => [p.length, p.accuracy, p.low, p.high]) })),
        { name: "guessing", color: "var(--soft)", dash: "5 4", points: rows.find(r => (r.lengths || []).length).lengths.map(p => [p.length, p.chance]) }].filter(q => q.points.length),
    }));
  }
  if (place("ttc")) {
    const strategies = [...new Set(rows.flatMap(r => (r.ttc || []).map(p => p.strategy)))].filter(s => s !== "greedy");
    const x = { samples: ["samples a problem", si, p => p.samples], tokens: ["tokens a problem", si, p => p.tokens], FLOPs: ["FLOPs a problem", si, p => p.flops], seconds: ["seconds a problem", seconds, p => p.seconds] };
    panel(place("ttc"), [{ label: "strategy", options: strategies }, { label: "against", options: Object.keys(x) }], ([s, a]) => ({
      height: 320, x: { label: x[a][0], format: x[a][1], log: true, base: a === "samples" ? 2 : 10 }, y: { label: "accuracy", format: percent, zero: true },
      series: rows.map(r => ({ name: r.name, color: hue.get(r.name), marks: true, points: (r.ttc || []).filter(p => p.strategy === s).map(p => [x[a][2](p), p.accuracy, p.low, p.high]) })).filter(q => q.points.length),
    }));
  }
})();
