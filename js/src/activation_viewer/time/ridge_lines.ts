// Where the ridges of a ridgeline lie: one histogram a snapshot, the first at the top, each over the one before.

export interface RidgeSpace {
  rows: number;
  bins: number;
  /** device px */
  width: number;
  height: number;
  /** left of the ridges, for the epochs' names */
  left: number;
}

export interface RidgeLayout extends RidgeSpace {
  /** between one base line and the next */
  pitch: number;
  /** height of the tallest ridge */
  tall: number;
}

const OVERLAP = 2.6;
const FOOT = 4;

export function layoutRidges(space: RidgeSpace): RidgeLayout {
  const pitch = (space.height - FOOT) / (Math.max(1, space.rows) - 1 + OVERLAP);
  return { ...space, pitch, tall: pitch * OVERLAP };
}

/** The y of a ridge's base line. */
export function baseOf({ pitch, tall }: RidgeLayout, row: number): number {
  return tall + row * pitch;
}

/** The points of one ridge, x and y in turn; `most` is the share that is as tall as can be. */
export function ridgePoints(layout: RidgeLayout, shares: ArrayLike<number>, row: number, most: number): Float64Array {
  const { bins, left, width, tall } = layout;
  const base = baseOf(layout, row);
  const points = new Float64Array(bins * 2);
  for (let i = 0; i < bins; i++) {
    const share = shares[row * bins + i] ?? 0;
    points[2 * i] = left + ((i + 0.5) / bins) * (width - left);
    points[2 * i + 1] = base - (most > 0 && Number.isFinite(share) ? share / most : 0) * tall;
  }
  return points;
}

/** The ridge whose base line is next below a point, and the bin, or null beside them. */
export function hitRidge(layout: RidgeLayout, x: number, y: number): { row: number; bin: number } | null {
  const { rows, bins, left, width, pitch, tall } = layout;
  if (!rows || x < left || x >= width || y < 0 || y > layout.height) return null;
  const row = Math.min(rows - 1, Math.max(0, Math.round((y - tall + pitch / 2) / pitch)));
  return { row, bin: Math.min(bins - 1, Math.floor(((x - left) / (width - left)) * bins)) };
}

/** The share that the tallest ridge stands for: not the one spike of exact zeros, which would flatten the rest. */
export function tallest(shares: ArrayLike<number>): number {
  const sorted = Float32Array.from(shares).filter(Number.isFinite).sort();
  const most = sorted.at(-1) ?? 0;
  const nearly = sorted[Math.floor(sorted.length * 0.985)] ?? 0;
  return nearly > 0 ? Math.min(most, 3 * nearly) : most;
}
