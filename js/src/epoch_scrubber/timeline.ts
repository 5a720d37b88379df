// Where things lie on the timeline; all of it plain numbers.
import { epochs as epochText } from "../shared/format";
import type { State } from "./index";

/** Steps at the right end: all of the run if it is known, else what has been seen of it. */
export function extent({ total_steps, last_step, steps }: State): number {
  return Math.max(total_steps ?? 0, last_step, steps.at(-1) ?? 0, 1);
}

/** The index of the snapshot nearest to a step; the earlier of two at the same distance. */
export function nearest(steps: readonly number[], step: number): number {
  let best = 0;
  for (let i = 1; i < steps.length; i++) {
    if (Math.abs((steps[i] ?? 0) - step) < Math.abs((steps[best] ?? 0) - step)) best = i;
  }
  return best;
}

/** The snapshot under the playhead: the newest while live. */
export function playhead(steps: readonly number[], position: number | null): number {
  return position === null ? steps.length - 1 : nearest(steps, position);
}

/** "epoch 5", or "step 300" where the snapshot has no epoch */
export function name(state: State, index: number): string {
  const epoch = state.epochs[index];
  if (epoch !== null && epoch !== undefined) return `epoch ${epochText(epoch)}`;
  const step = state.steps[index];
  return step === undefined ? "no snapshot yet" : `step ${step.toLocaleString("en-US")}`;
}

/** "epoch 5 · 2 behind" while pinned to an older snapshot */
export function label(state: State, index: number, live: boolean): string {
  const behind = live ? 0 : lag(state, index);
  return behind > 0 ? `${name(state, index)} · ${epochText(behind)} behind` : name(state, index);
}

function lag({ epochs, steps }: State, index: number): number {
  const here = epochs[index];
  const newest = epochs.at(-1);
  if (typeof here === "number" && typeof newest === "number") return newest - here;
  return steps.length - 1 - index;
}

export interface Tick {
  x: number;
  text: string;
  /** a snapshot, rather than an epoch still to come */
  kept: boolean;
}

/** Marks by where they lie: those on one pixel are one, with a line of text each. */
export function markers(state: State, width: number): { x: number; text: string }[] {
  const end = extent(state);
  const texts = new Map<number, string[]>();
  for (const mark of state.marks) {
    const x = Math.round((mark.step / end) * width);
    texts.set(x, [...(texts.get(x) ?? []), mark.text]);
  }
  return [...texts].map(([x, lines]) => ({ x, text: lines.join("\n") }));
}

/** The last snapshot before the next mark after this one; after the last mark, the first again. */
export function nextMark({ marks, steps }: State, index: number): number {
  const before = marks.map((mark) => steps.filter((step) => step <= mark.step).length - 1).sort((a, b) => a - b);
  return before.find((found) => found > index) ?? before[0] ?? index;
}

const LABEL_ROOM = 90;

/** One tick a snapshot, one fainter a coming epoch; labels as dense as reads well. */
export function ticks(state: State, width: number): Tick[] {
  const end = extent(state);
  const x = (step: number) => (step / end) * width;
  const marks = state.steps.map((step, i) => ({ x: x(step), epoch: state.epochs[i] ?? null, kept: true }));
  for (const epoch of coming(state, end)) {
    marks.push({ x: x(epoch * (state.steps_per_epoch ?? 0)), epoch, kept: false });
  }
  const widths = marks.map((mark) => mark.x / (mark.epoch || Number.POSITIVE_INFINITY));
  const every = labelEvery(Math.max(...widths) || width);
  return marks.map((mark) => ({ x: mark.x, text: labelled(mark.epoch, every), kept: mark.kept }));
}

function coming(state: State, end: number): number[] {
  const per = state.steps_per_epoch;
  if (!per || per <= 0) return [];
  const newest = state.epochs.at(-1) ?? (state.steps.at(-1) ?? 0) / per;
  const first = Math.floor(newest + 1e-6) + 1;
  const last = Math.floor(end / per + 1e-6);
  // more ticks than this would be a grey bar
  return last - first > 400 ? [] : Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** Epochs between two labels, of which each is so many pixels wide. */
function labelEvery(epochWidth: number): number {
  for (let size = 1; ; size *= 10) {
    for (const every of [size, 2 * size, 5 * size]) if (every * epochWidth >= LABEL_ROOM) return every;
    if (size > 1e9) return size;
  }
}

function labelled(epoch: number | null, every: number): string {
  return epoch !== null && Number.isInteger(epoch) && epoch % every === 0 ? String(epoch) : "";
}

/** The curve behind, and the same closed down to the base line. One outlier must not flatten the rest. */
export function curvePath(steps: Float32Array, values: Float32Array, end: number, width: number, height: number) {
  const finite = [...values].filter(Number.isFinite).sort((a, b) => a - b);
  if (finite.length < 2) return { line: "", area: "" };
  const lo = finite[0] ?? 0;
  const top = finite[Math.floor(0.99 * (finite.length - 1))] ?? 0;
  const hi = top > lo ? top : lo + 1;
  const points: string[] = [];
  let first = "";
  let last = "";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    const x = (((steps[i] ?? 0) / end) * width).toFixed(1);
    const y = Math.max(1, 5 + ((hi - value) / (hi - lo)) * (height - 10));
    points.push(`${x},${y.toFixed(1)}`);
    first ||= x;
    last = x;
  }
  const line = `M${points.join("L")}`;
  return { line, area: `${line}L${last},${height}L${first},${height}Z` };
}
