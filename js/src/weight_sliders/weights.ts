// What the kernel pushes to the sliders.

export interface TensorInfo {
  name: string;
  shape: number[];
  /** of the heat map */
  rows: number;
  cols: number;
  rows_total: number;
  cols_total: number;
  lo: number;
  hi: number;
  gain: number;
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
}

export interface Weights {
  tensors: TensorInfo[];
  picked: Picked | null;
  undo: number;
  edits: number;
  probe: ProbeChange | null;
  step: number;
  live: boolean;
  error: string | null;
}

/** conv2.weight of features.conv2.weight */
export function shortName(name: string): string {
  return name.split(".").slice(-2).join(".");
}

/** 32×16×3×3, and how much of it the map shows */
export function extentNote(tensor: TensorInfo): string {
  const parts = [tensor.shape.join("×")];
  if (tensor.rows < tensor.rows_total) parts.push(`${tensor.rows} of ${tensor.rows_total} rows`);
  if (tensor.cols < tensor.cols_total) parts.push(`${tensor.cols} of ${tensor.cols_total} columns`);
  if (tensor.note) parts.push(tensor.note);
  return parts.join(" · ");
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
