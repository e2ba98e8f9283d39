// Line charts in SVG: hover reads values, legends switch series, axes may be logarithmic. No dependencies.
"use strict";
const SVG = "http://www.w3.org/2000/svg";
const color = i => `var(--c${i % 8})`;

function node(tag, attrs, parent, text) {
  const n = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const k in attrs) n.setAttribute(k, attrs[k]);
  if (text !== undefined) n.textContent = text;
  if (parent) parent.appendChild(n);
  return n;
}

// si writes 1234567 as 1.23M.
function si(v) {
  const a = Math.abs(v);
  for (const [f, s] of [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) if (a >= f) return trim(v / f) + s;
  return trim(v);
}
const trim = v => v === 0 ? "0" : Math.abs(v) >= 100 ? v.toFixed(0) : String(parseFloat(v.toPrecision(3)));
function bytes(v) {
  for (const [f, s] of [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) if (v >= f) return trim(v / f) + " " + s;
  return v + " B";
}
const seconds = v => v >= 120 ? trim(v / 60) + " min" : v >= 1 || v === 0 ? trim(v) + " s" : trim(v * 1000) + " ms";
const whole = v => v < 10000 ? String(Math.round(v)) : si(v);
const percent = v => trim(v * 100) + " %";
const fixed = v => v.toFixed(Math.abs(v) >= 10 ? 2 : 3);

// ticks lists round values in [lo, hi]. Logarithmic axes that span little are labelled like linear ones; sizes in bytes go by powers of two.
function ticks(lo, hi, ax, want) {
  const out = [];
  if (ax.log && ax.base === 2) {
    const from = Math.ceil(Math.log2(lo)), to = Math.floor(Math.log2(hi)), step = Math.max(1, Math.ceil((to - from) / want));
    for (let e = from; e <= to; e += step) out.push(2 ** e);
    return out;
  }
  if (ax.log && hi / lo > 6) {
    const decades = Math.log10(hi / lo), steps = decades > 4 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
    for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++)
      for (const s of steps) { const v = s * 10 ** e; if (v >= lo * 0.999 && v <= hi * 1.001) out.push(v); }
    return out;
  }
  const raw = (hi - lo) / want, mag = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(ax.whole ? 1 : 0, [1, 2, 2.5, 5, 10].map(s => s * mag).find(s => s >= raw) || raw);
  for (let v = Math.ceil(lo / step - 1e-9) * step; v <= hi + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}

// chart draws into el. spec: {height, x: {label, format, log}, y: {...}, series: [{name, color, points: [[x, y, lo?, hi?]], dash, thin, marks}]}.
// hidden is a Set of names that the legend switched off; it outlives redraws.
function chart(el, spec, hidden) {
  el.replaceChildren();
  const shown = spec.series.filter(s => !hidden.has(s.name) && s.points.length);
  const width = Math.max(260, el.clientWidth), height = spec.height || 300;
  const m = { l: 72, r: 12, t: 8, b: 40 };
  const all = shown.flatMap(s => s.points);
  if (!all.length) { node("p", { class: "soft small" }, el, "Nothing to show: no values, or every series is switched off."); return; }
  const range = (ax, get, edge) => {
    let v = all.flatMap(get).filter(x => isFinite(x) && (!ax.log || x > 0));
    let lo = Math.min(...v), hi = Math.max(...v);
    if (ax.zero) lo = Math.min(0, lo);
    if (ax.max !== undefined) hi = Math.max(hi, ax.max);
    if (lo === hi) { lo = ax.log ? lo / 2 : lo - 1; hi = ax.log ? hi * 2 : hi + 1; }
    if (edge) { if (ax.log) { const f = (hi / lo) ** 0.04; lo /= f; hi *= f; } else { const p = (hi - lo) * 0.04; lo -= ax.zero && lo === 0 ? 0 : p; hi += p; } }
    return [lo, hi];
  };
  const [x0, x1] = range(spec.x, p => [p[0]], false), [y0, y1] = range(spec.y, p => p.slice(1), true);
  const scale = (lo, hi, a, b, log) => v => a + (b - a) * (log ? Math.log(v / lo) / Math.log(hi / lo) : (v - lo) / (hi - lo));
  const X = scale(x0, x1, m.l, width - m.r, spec.x.log), Y = scale(y0, y1, height - m.b, m.t, spec.y.log);
  const svg = node("svg:svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img", "aria-label": `${spec.y.label} against ${spec.x.label}` }, el);
  for (const v of ticks(y0, y1, spec.y, 6)) {
    node("svg:line", { x1: m.l, x2: width - m.r, y1: Y(v), y2: Y(v), class: "axis" }, svg);
    node("svg:text", { x: m.l - 7, y: Y(v) + 4, "text-anchor": "end" }, svg, spec.y.format(v));
  }
  for (const v of ticks(x0, x1, spec.x, width < 480 ? 4 : 7)) {
    node("svg:line", { x1: X(v), x2: X(v), y1: height - m.b, y2: height - m.b + 4, class: "axis" }, svg);
    node("svg:text", { x: X(v), y: height - m.b + 17, "text-anchor": "middle" }, svg, spec.x.format(v));
  }
  node("svg:text", { x: (m.l + width - m.r) / 2, y: height - 6, "text-anchor": "middle" }, svg, spec.x.label);
  node("svg:text", { x: 12, y: (m.t + height - m.b) / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${(m.t + height - m.b) / 2})` }, svg, spec.y.label);
  for (const s of shown) {
    const pts = s.points.filter(p => (!spec.x.log || p[0] > 0) && (!spec.y.log || p[1] > 0));
    const d = pts.map((p, i) => `${i ? "L" : "M"}${X(p[0]).toFixed(1)} ${Y(p[1]).toFixed(1)}`).join("");
    node("svg:path", { d, fill: "none", stroke: s.color, "stroke-width": s.thin ? 1 : 2, "stroke-opacity": s.thin ? 0.55 : 1, "stroke-dasharray": s.dash || "", "stroke-linejoin": "round" }, svg);
    for (const p of pts) {
      if (p.length > 2) node("svg:line", { x1: X(p[0]), x2: X(p[0]), y1: Y(p[2]), y2: Y(p[3]), stroke: s.color, "stroke-width": 1.5, "stroke-opacity": 0.5 }, svg);
      if (s.marks) node("svg:circle", { cx: X(p[0]), cy: Y(p[1]), r: 3, fill: s.color }, svg);
    }
  }
  const cross = node("svg:line", { y1: m.t, y2: height - m.b, class: "cross", visibility: "hidden" }, svg);
  const tip = node("div", { class: "tip" }, el);
  const move = ev => {
    const box = svg.getBoundingClientRect(), px = (ev.clientX - box.left) * width / box.width;
    if (px < m.l || px > width - m.r) return leave();
    let at = null;
    for (const p of all) if (!at || Math.abs(X(p[0]) - px) < Math.abs(X(at[0]) - px)) at = p;
    cross.setAttribute("x1", X(at[0])); cross.setAttribute("x2", X(at[0])); cross.setAttribute("visibility", "visible");
    tip.replaceChildren();
    node("div", { class: "soft" }, tip, `${spec.x.format(at[0])} ${spec.x.label}`);
    const table = node("table", {}, tip);
    for (const s of shown) {
      const p = s.points.reduce((a, b) => Math.abs(X(b[0]) - X(at[0])) < Math.abs(X(a[0]) - X(at[0])) ? b : a);
      if (Math.abs(X(p[0]) - X(at[0])) > 40) continue;
      const tr = node("tr", {}, table), td = node("td", {}, tr);
      node("span", { class: "dot", style: `background:${s.color}` }, td);
      td.append(s.name);
      node("td", {}, tr, spec.y.format(p[1], true));
    }
    tip.style.display = "block";
    const left = X(at[0]) * box.width / width;
    tip.style.left = Math.max(0, left + 14 + tip.offsetWidth > el.clientWidth ? left - 14 - tip.offsetWidth : left + 14) + "px";
    tip.style.top = Math.max(0, ev.clientY - box.top - tip.offsetHeight - 8) + "px";
  };
  const leave = () => { tip.style.display = "none"; cross.setAttribute("visibility", "hidden"); };
  svg.addEventListener("pointermove", move);
  svg.addEventListener("pointerdown", move);
  svg.addEventListener("pointerleave", leave);
}

// panel is a chart with choices above it: choices [{label, options: [names]}], spec(chosen) answers the chart's spec.
function panel(el, choices, spec) {
  const chosen = choices.map(() => 0), hidden = new Set();
  const controls = node("div", { class: "controls" }, el), legend = node("div", { class: "legend" }, el), plot = node("div", { class: "chart" }, el);
  const draw = () => {
    const s = spec(chosen.map((i, k) => choices[k].options[i]));
    legend.replaceChildren();
    const names = [...new Map(s.series.map(x => [x.name, x.color]))];
    if (names.length > 1) for (const [name, c] of names) {
      const b = node("button", { type: "button", "aria-pressed": String(!hidden.has(name)) }, legend);
      node("span", { class: "dot", style: `background:${c}` }, b);
      b.append(name);
      b.onclick = () => { hidden.has(name) ? hidden.delete(name) : hidden.add(name); draw(); };
    }
    chart(plot, s, hidden);
  };
  choices.forEach((c, k) => {
    if (c.options.length < 2) return;
    const set = node("fieldset", {}, controls);
    node("span", {}, set, c.label);
    c.options.forEach((o, i) => {
      const b = node("button", { type: "button", "aria-pressed": String(i === 0) }, set, o);
      b.onclick = () => { chosen[k] = i; [...set.querySelectorAll("button")].forEach((x, j) => x.setAttribute("aria-pressed", String(j === i))); draw(); };
    });
  });
  let last = 0;
  new ResizeObserver(() => { if (el.clientWidth !== last) { last = el.clientWidth; draw(); } }).observe(el);
}
