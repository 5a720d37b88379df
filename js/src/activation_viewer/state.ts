// The viewer's synced traits, one for one with the Python class, and the requests that change them.

export const TABS = ["activations", "weights", "gradients", "distribution"] as const;
export const SORTS = ["index", "energy", "variance", "change"] as const;

/** How the kernel makes the pictures. null is the first of a list, or the layer's own choice. */
export interface Lens {
  tab: (typeof TABS)[number];
  /** one of `State.outlets` */
  key: string | null;
  /** one of `State.parameters` */
  parameter: string | null;
  /** what the gradient is of: the loss or a class */
  of: "loss" | number;
  scope: "unit" | "layer" | "epochs";
  limits: "robust" | "full";
  sort: (typeof SORTS)[number];
  /** the step that "change" counts from, null = the first snapshot */
  since: number | null;
  /** dead units are left out */
  alive: boolean;
  kind: string | null;
  difference: boolean;
  input: "probe" | "own";
  spread: "activations" | "weights";
}

export interface Ablation {
  key: string;
  unit: number;
  axis: string;
  method: "zero" | "mean";
}

export interface Against {
  step: number | null;
  sample: number | null;
  label: string;
}

export interface State {
  layer: string;
  sample: number;
  unit: number | null;
  lens: Lens;
  /** what can be looked at of this layer: each call, each leaf of a nested output, attention weights */
  outlets: { key: string; label: string; shape: string; attention: boolean }[];
  parameters: { name: string; shape: string }[];
  ablations: Ablation[];
  pins: { key: string; unit: number }[];
  against: Against | null;
  own: { label: string; note: string; height: number; width: number; channels: number } | null;
  drawable: { height: number; width: number } | null;
}

export const LENS: Lens = {
  ...{ tab: "activations", key: null, parameter: null, of: "loss", scope: "epochs", limits: "robust", sort: "index" },
  ...{ since: null, alive: false, kind: null, difference: false, input: "probe", spread: "activations" },
};
