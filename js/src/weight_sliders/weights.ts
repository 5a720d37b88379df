// What the kernel pushes to the sliders.

/** An entry a leading dimension: a number, a [first, last + 1] range, or several. */
export type Index = (number | number[] | number[][])[];

export type Change = "gain" | "shift" | "set" | "noise" | "prune" | "clamp" | "reinit" | "freeze";

export interface TensorInfo {
  name: string;
  shape: number[];
  dtype: string;
  /** of the heat map */
  rows: number;
  cols: number;
  rows_total: number;
  cols_total: number;
  lo: number;
  hi: number;
  /** the largest magnitude without edits */
  reach: number;
  /** of the edits of the whole tensor; of a reinit the seed */
  values: { [change in Change]?: number | [number, number] | null };
  /** what it can be taken apart into */
  parts: By[];
  frozen: boolean;
  editable: boolean;
  note: string | null;
}

export interface Picked {
  tensor: string;
  index: number[];
  value: number;
  lo: number;
  hi: number;
  row: number;
  col: number;
}

export interface ProbeChange {
  loss_before: number | null;
  loss_after: number | null;
  changed: number;
  count: number;
  /** "3: five → nine", the first few */
  changes: string[];
}

export interface Weights {
  tensors: TensorInfo[];
  picked: Picked | null;
  undo: number;
  redo: number;
  edits: number;
  probe: ProbeChange | null;
  step: number;
  live: boolean;
  error: string | null;
}

export interface Listed {
  rows: { text: string; where: string; undone: boolean; change: Change; tensor: string; index: Index | null }[];
  live: boolean;
}

export const BYS = ["channel", "head"] as const;
export type By = (typeof BYS)[number];

export interface UnitRow {
  unit: number;
  /** a class of the model's last layer */
  name: string;
  index: Index;
  gain: number;
  /** of the largest norm */
  share: number;
  off: boolean;
}

export interface Units {
  tensor: string;
  by: By;
  query: string;
  order: string;
  count: number;
  found: number;
  first: number;
  rows: UnitRow[];
}

export interface Blended {
  tensor: string;
  toward: number;
  value: number;
  choices: { step: number; text: string }[];
  points: [number, number | null][];
  trouble: string | null;
}

/** conv2.weight of features.conv2.weight */
export function shortName(name: string): string {
  return name.split(".").slice(-2).join(".");
}

/** weight of features.conv2.weight */
export function lastName(name: string): string {
  return name.split(".").at(-1) ?? name;
}

/** 32×16×3×3, and how much of it the map shows */
export function extentNote(tensor: TensorInfo): string {
  const parts = [tensor.shape.join("×") || "one number"];
  if (tensor.rows < tensor.rows_total) parts.push(`${tensor.rows} of ${tensor.rows_total} rows`);
  if (tensor.cols < tensor.cols_total) parts.push(`${tensor.cols} of ${tensor.cols_total} columns`);
  if (tensor.note) parts.push(tensor.note);
  return parts.join(" · ");
}

/** A number as users type it: "−0.5", "20 %", "1e-3"; NaN where it is none. */
export function typedNumber(text: string): number {
  const plain = text.replace(/[−–]/g, "-").replace(/[%\s]/g, "");
  return plain ? Number(plain) : Number.NaN;
}

const HEAT_HEIGHT = 76;
const WIDEST_CELL = 22;
const HIGHEST_CELL = 12;

/** Size of a heat map on the page, CSS px: the full width, but no cell much wider than high, and no hairline. */
export function heatSize({ rows, cols }: TensorInfo, room: number): { width: number; height: number } {
  const highest = Math.min(HIGHEST_CELL, HEAT_HEIGHT / Math.max(1, rows));
  const widest = Math.min(WIDEST_CELL, Math.max(3 * highest, 1));
  const width = Math.min(room, cols * widest);
  const cell = rows === 1 ? highest : Math.min(highest, Math.max(3, width / Math.max(1, cols)));
  return { width, height: Math.max(8, rows * cell) };
}
