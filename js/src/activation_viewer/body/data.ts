import type { PanelProps } from "./props";

/** What browser tests read of a canvas: which picture it shows and its limits. */
export function dataOf(testid: string, { picture, push, index, panel }: PanelProps): Record<string, unknown> {
  return {
    "data-testid": testid,
    "data-panel": index,
    "data-kind": picture.kind,
    "data-lo": picture.lo,
    "data-hi": picture.hi,
    "data-diverging": picture.diverging,
    "data-frame": push.seq,
    "data-step": panel.step ?? push.value.step,
    "data-layer": push.value.layer,
    "data-key": push.value.key,
    "data-tab": push.value.tab,
    "data-sample": panel.sample ?? push.value.sample,
  };
}
