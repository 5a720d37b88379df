// The lines of a pinned unit: mean, and the band from its least to its greatest value.

export interface PinLines {
  band: string;
  mean: string;
  /** x of the step on show, null where it is outside */
  here: number | null;
  lo: number;
  hi: number;
}

/** SVG paths in a width × height box; `values` holds mean, min and max, each `steps.length` long, NaN where unknown. */
export function pinLines(values: Float32Array, steps: number[], at: number, width: number, height: number): PinLines {
  const n = steps.length;
  const finite = values.filter(Number.isFinite);
  const lo = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const hi = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const [first = 0, last = 0] = [steps[0], steps.at(-1)];
  const x = (step: number) => (last > first ? ((step - first) / (last - first)) * width : width / 2);
  const y = (value: number) => (hi > lo ? 2 + ((hi - value) / (hi - lo)) * (height - 4) : height / 2);
  const place = (part: number, i: number) => {
    const value = values[part * n + i] ?? Number.NaN;
    return Number.isFinite(value) ? `${x(steps[i] ?? 0).toFixed(1)},${y(value).toFixed(1)}` : null;
  };
  const along = (part: number) => Array.from({ length: n }, (_, i) => place(part, i)).filter((one) => one !== null);
  const outline = [...along(2), ...along(1).reverse()];
  const means = along(0);
  return {
    band: outline.length > 2 ? `M${outline.join("L")}Z` : "",
    mean: means.length ? `M${means.join("L")}` : "",
    here: n && at >= first && at <= last ? x(at) : null,
    lo,
    hi,
  };
}
