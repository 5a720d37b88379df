// What the kernel pushes to the viewer.

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
  /** the tokens before those patches; `Panel.prefix` is their buffer */
  prefix: Picture | null;
  /** the commonest labels, each with its count */
  categories: [number, number][] | null;
  /** what there is instead of tiles */
  text: string | null;
  /** the unit of each tile, where not all are shown or they are sorted */
  order: number[] | null;
  /** limits of each tile, where each unit has its own */
  unit_lo: number[] | null;
  unit_hi: number[] | null;
}

export interface Panel {
  /** "" where it is the only one */
  title: string;
  picture: Picture;
  /** indices of buffers: the codes, all exact values, the codes of the picture's prefix */
  codes: number;
  exact: number | null;
  prefix: number | null;
  step: number;
  sample: number;
}

export interface Prediction {
  text: string;
  correct: boolean | null;
  probability: number | null;
}

export interface Frame {
  layer: string;
  /** what of the layer is on show: see `State.keys` */
  key: string;
  type: string;
  tab: string;
  step: number;
  epoch: number | null;
  live: boolean;
  sample: number;
  own: boolean;
  /** something is ablated or previewed */
  changed: boolean;
  panels: Panel[];
  predictions: Prediction[] | null;
  /** without what is ablated or previewed */
  before: Prediction[] | null;
  loss: number | null;
  loss_before: number | null;
  classes: string[] | null;
  error: { reason: string; remedy: string } | null;
  /** the Python line that gives the tensor on screen */
  code: string;
  /** the text of each token, where it is known */
  tokens: { rows: string[]; columns: string[] } | null;
  attention: { recomputed: boolean; causal: boolean } | null;
  /** units of the key that are dead over the whole probe */
  dead: number | null;
}

export interface Samples {
  count: number;
  height: number;
  width: number;
  labels: (string | null)[];
  /** one more image follows, the user's */
  own?: boolean;
  /** height and width of the inputs themselves, which the images here are smaller copies of */
  size?: [number, number];
}

/** Histograms of a layer's values over the epochs: one float32 share a bin, snapshot after snapshot. */
export interface Ridges {
  key: string;
  what: "activations" | "weights";
  steps: number[];
  epochs: (number | null)[];
  lo: number;
  hi: number;
  bins: number;
  done: boolean;
  /** index of the snapshot on show */
  at: number;
}

/** Pinned units over the epochs: for each float32 mean, min and max at every step, NaN where not known yet. */
export interface Pins {
  pins: { key: string; unit: number; label: string }[];
  steps: number[];
  epochs: (number | null)[];
  done: boolean;
}
