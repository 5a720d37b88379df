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

/** Device px of one cell: as large as the room allows, apart along each axis, so that a bias is not a hairline. */
export function cellSize(tensor: TensorInfo, room: number, ratio: number): { x: number; y: number } {
  const most = (cells: number, space: number, cap: number) =>
    Math.max(1, Math.floor(Math.min(cap * ratio, (space * ratio) / Math.max(1, cells))));
  const x = most(tensor.cols, room, 22);
  const y = most(tensor.rows, HEAT_HEIGHT, 14);
  // a cell much wider than high reads as stripes
  return { x: Math.min(x, Math.max(y * 3, 1)), y: Math.min(y, Math.max(x * 2, Math.round(8 * ratio))) };
}

export const HEAT_HEIGHT = 76;
