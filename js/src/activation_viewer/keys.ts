import type { KeyHelp } from "../shared/frame";
import type { Keys } from "../shared/keyboard";
import type { Actions } from "./actions";
import { ablationOf } from "./body/marks";
import type { Frame, Samples } from "./frame";
import { tileOf, unitOf } from "./picture";
import { SORTS, type State, TABS } from "./state";

export const HELP: KeyHelp = [
  ["← → ↑ ↓", "move between units, on the atlas"],
  ["[ ]", "previous, next sample"],
  ["1 2 3 4", "activations, weights, gradients, distribution"],
  ["a", "switch the unit off, or on again"],
  ["p", "follow the unit over the epochs, or no more"],
  ["s", "next order of the units"],
  ["o", "options"],
  ["d", "drawing pad, where the input can be drawn"],
  ["c", "copy the Python line"],
  ["e", "save as PNG"],
  ["shift-click", "on a sample: compare with it"],
  ["pointer", "exact value"],
];

interface Given {
  state: State;
  act: Actions;
  frame: Frame | null;
  samples: Samples | null;
  copy(): void;
  save(): void;
  options(): void;
  pad(): void;
}

/** The unit that is enlarged: the chosen one, or the first of the atlas. */
export function unitOnShow(state: State, frame: Frame | null): number | null {
  const picture = frame?.panels[0]?.picture;
  if (!picture?.tiles[0] || frame?.tab === "weights") return null;
  if (picture.tiles[0] === 1) return state.unit;
  return unitOf(picture, tileOf(picture, state.unit));
}

/** The keys of the whole view. */
export function useKeys({ state, act, frame, samples, copy, save, options, pad }: Given): Keys {
  const { lens } = state;
  const unit = unitOnShow(state, frame);
  const count = samples?.count ?? 0;
  const last = count - 1 + (state.own ? 1 : 0);
  const here = lens.input === "own" && state.own ? count : state.sample;
  const go = (next: number) => {
    if (next < 0 || next > last) return;
    if (next === count) act.look({ input: "own" });
    else act.sample(next);
  };
  const ablate = () => {
    if (unit === null || !frame) return;
    act.ablate(unit, ablationOf(state, frame.key, unit) ? null : "zero");
  };
  const pin = () => {
    if (unit === null || !frame) return;
    act.pin(unit, !state.pins.some((one) => one.key === frame.key && one.unit === unit));
  };
  const sort = () => act.look({ sort: SORTS[(SORTS.indexOf(lens.sort) + 1) % SORTS.length] ?? "index" });
  const tabs = Object.fromEntries(TABS.map((tab, i) => [String(i + 1), () => act.look({ tab })]));
  return {
    ...tabs,
    ...{ "[": () => go(here - 1), "]": () => go(here + 1), a: ablate, p: pin, s: sort },
    ...{ o: options, d: pad, c: copy, e: save },
  };
}
