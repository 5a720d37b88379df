// Synthetic pictures of a run, the same at every load.

export function random(seed) {
  let state = (seed * 2654435761) % 2147483647 || 7;
  return () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
}

export const noise = (draw) => draw() + draw() + draw() - 1.5;

/** A smooth field of three bumps, as conv maps look. */
export function field(seed, height, width, spread = 0.08) {
  const draw = random(seed);
  const bumps = [0, 1, 2].map(() => [draw() * width, draw() * height, noise(draw) * 1.9, 1 + (draw() * width) / 4]);
  const values = new Float32Array(height * width);
  for (let i = 0; i < values.length; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    values[i] = noise(draw) * spread;
    for (const [cx, cy, w, r] of bumps) values[i] += w * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * r * r));
  }
  return values;
}

export function quantise(values, lo, hi) {
  return Uint8Array.from(values, (v) => {
    if (Number.isNaN(v)) return 255;
    if (v === Infinity) return 254;
    if (v === -Infinity) return 253;
    return Math.round(Math.min(1, Math.max(0, (v - lo) / (hi - lo))) * 250);
  });
}

export function concat(parts) {
  const all = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function moments(values) {
  const finite = [...values].filter(Number.isFinite);
  const mean = finite.reduce((a, b) => a + b, 0) / Math.max(1, finite.length);
  const std = Math.sqrt(finite.reduce((a, b) => a + (b - mean) ** 2, 0) / Math.max(1, finite.length));
  return { mean, std, zeros: finite.filter((v) => v === 0).length / Math.max(1, finite.length) };
}

/** What look/picture.py would make of it. */
export function picture(kind, values, tiles, shape, extra = {}) {
  const size = [...values]
    .filter(Number.isFinite)
    .map(Math.abs)
    .sort((a, b) => a - b);
  const limit = size[Math.floor(size.length * 0.995)] || 1;
  const diverging = [...values].some((v) => v < 0);
  const [lo, hi] = diverging ? [-limit, limit] : [0, limit];
  const counted = {
    clipped: size.filter((v) => v > limit).length,
    nan: [...values].filter(Number.isNaN).length,
    posinf: [...values].filter((v) => v === Infinity).length,
    neginf: [...values].filter((v) => v === -Infinity).length,
  };
  const total = kind === "maps" ? shape[0] : 1;
  const about = {
    kind,
    shape,
    tiles,
    lo,
    hi,
    diverging,
    dtype: "float32",
    note: "",
    order: null,
    unit_lo: null,
    unit_hi: null,
    axes: [kind === "maps" ? "channel" : "", "row", "column"],
    lead: kind === "maps" ? [shape[0]] : [],
    grid: null,
    prefix: null,
    categories: null,
    text: null,
  };
  return {
    picture: { ...about, ...counted, ...moments(values), shown: tiles[0], total, ...extra },
    codes: quantise(values, lo, hi),
    values,
  };
}

export function maps(count, side, seed, { relu = false, spread = 0.08 } = {}) {
  const parts = Array.from({ length: count }, (_, i) => field(seed + 31 * i, side, side, spread));
  const values = concat(parts);
  if (relu) for (let i = 0; i < values.length; i++) values[i] = Math.max(0, values[i]);
  return picture("maps", values, [count, side, side], [count, side, side]);
}

export function vector(count, seed) {
  const draw = random(seed);
  const values = Float32Array.from({ length: count }, () => noise(draw) * 2);
  return picture("vector", values, [1, 1, count], [count], { total: count, shown: count });
}

/** Loss curve of `count` points over `steps`. */
export function curve(count, steps, seed, { from = 2.4, to = 0.35, rate = 5, wobble = 0.12 } = {}) {
  const draw = random(seed);
  const x = Float32Array.from({ length: count }, (_, i) => (i / (count - 1)) * steps);
  const y = x.map((step) => to + (from - to) * Math.exp((-rate * step) / steps) + noise(draw) * wobble * 0.5);
  return { x, y };
}
