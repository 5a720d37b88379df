// What the kernel pushes to the viewer, and small readings of it.
import { type Lut, lut, PALETTE } from "../shared/colour";
import { epochs, number, percent } from "../shared/format";

export const KINDS = [
  ...(["maps", "image", "volume", "vector", "tokens", "attention", "sequence", "labels", "boxes"] as const),
  ...(["scalar", "matrix", "text", "empty"] as const),
];

export interface Picture {
  kind: (typeof KINDS)[number];
  /** of the tensor, without the batch */
  shape: number[];
  /** count, height, width of the uint8 codes in the buffer */
  tiles: [number, number, number];
  lo: number;
  hi: number;
  diverging: boolean;
  clipped: number;
  nan: number;
  posinf: number;
  neginf: number;
  mean: number | null;
  std: number | null;
  /** share of exact zeros */
  zeros: number;
  shown: number;
  total: number;
  dtype: string;
  note: string;
  /** what a unit, a row and a column of it is called; "" where there is one */
  axes: [string, string, string];
  /** the dimensions that the units run over */
  lead: number[];
  /** rows and columns of tokens that are patches of an image */
  grid: [number, number] | null;
  /** the tokens before those patches; their codes come in no buffer yet */
  prefix: Picture | null;
  /** the commonest labels, each with its count */
  categories: [number, number][] | null;
  /** what there is instead of tiles */
  text: string | null;
  /** the unit of each tile, where not all are shown */
  order: number[] | null;
  /** limits of each tile, where each unit has its own */
  unit_lo: number[] | null;
  unit_hi: number[] | null;
}

export interface Prediction {
  text: string;
  correct: boolean | null;
  probability: number | null;
}

export interface Frame {
  layer: string;
  type: string;
  step: number;
  epoch: number | null;
  live: boolean;
  sample: number;
  picture: Picture | null;
  predictions: Prediction[] | null;
  loss: number | null;
  error: { reason: string; remedy: string } | null;
  /** only where the layer is the model's output, one name a unit */
  classes: string[] | null;
}

export interface Samples {
  count: number;
  height: number;
  width: number;
  labels: (string | null)[];
}

/** The unit that a tile shows. */
export function unitOf(picture: Picture, tile: number): number {
  return picture.order?.[tile] ?? tile;
}

/** The tile that shows a unit; the first where the unit is not on show. */
export function tileOf(picture: Picture, unit: number | null): number {
  if (unit === null) return 0;
  const tile = picture.order ? picture.order.indexOf(unit) : unit;
  return tile >= 0 && tile < picture.tiles[0] ? tile : 0;
}

export function unitWord(picture: Picture): string {
  return picture.axes[0] || "unit";
}

/** The colour of each code. */
export function colours(picture: Picture): Lut {
  return picture.kind === "labels" ? PALETTE : lut(picture.diverging);
}

/** Conv2d · 32×8×8 · mean 0.21 · σ 0.48 · 9 % zero */
export function facts(type: string, picture: Picture | null): string {
  if (!picture) return type;
  const parts = [type, picture.shape.join("×") || "scalar"];
  if (picture.mean !== null) parts.push(`mean ${number(picture.mean, 2)}`);
  if (picture.std !== null) parts.push(`σ ${number(picture.std, 2)}`);
  if (picture.total > 0) parts.push(`${percent(picture.zeros)} zero`);
  return parts.filter(Boolean).join(" · ");
}

/** live · epoch 5 · probe loss 0.184, or what there is of it */
export function when({ live, epoch, step, loss }: Frame): string {
  const parts = live ? ["live"] : [];
  parts.push(epoch === null ? `step ${step.toLocaleString("en-US")}` : `epoch ${epochs(epoch)}`);
  if (loss !== null) parts.push(`probe loss ${number(loss)}`);
  return parts.join(" · ");
}

/** The colour limits of a tile. */
export function limitsOf(picture: Picture, tile: number): { lo: number; hi: number } {
  return { lo: picture.unit_lo?.[tile] ?? picture.lo, hi: picture.unit_hi?.[tile] ?? picture.hi };
}

/** 32 channels, or 64 of 2,048 channels */
export function shown(picture: Picture): string {
  if (picture.kind === "scalar") return "1 value";
  if (picture.total === 1 && !picture.axes[0]) return `${picture.shape.join(" × ")} values`;
  const total = picture.total.toLocaleString("en-US");
  const word = unitWord(picture) + (picture.total === 1 ? "" : "s");
  return picture.shown < picture.total ? `${picture.shown} of ${total} ${word}` : `${total} ${word}`;
}

/** One sample's caption under its thumbnail, and whether the model has it wrong. */
export function verdict(index: number, label: string | null, prediction: Prediction | undefined) {
  if (!prediction) return { text: label ?? `#${index}`, wrong: false };
  if (prediction.correct === null) return { text: prediction.text, wrong: false };
  if (prediction.correct) return { text: `${label ?? prediction.text} ✓`, wrong: false };
  return { text: `${label ?? "?"} → ${prediction.text}`, wrong: true };
}

/** The live text summary for who cannot see the canvas. */
export function summary(frame: Frame, labels: (string | null)[]): string {
  if (frame.error) return `${frame.layer}: ${frame.error.reason}`;
  const { text, wrong } = verdict(frame.sample, labels[frame.sample] ?? null, frame.predictions?.[frame.sample]);
  const about = facts(frame.type, frame.picture);
  return `${frame.layer}, ${about}, ${when(frame)}, sample ${frame.sample}: ${text}${wrong ? ", wrong" : ""}`;
}
