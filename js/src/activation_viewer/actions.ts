import { useMemo, useRef } from "preact/hooks";
import { useControl, useHeld } from "../shared/held";
import { useLatest } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import type { Link } from "../shared/wire";
import type { Ablation, Lens, State } from "./state";

export interface Actions {
  look(changes: Partial<Lens>): void;
  sample(sample: number): void;
  unit(unit: number): void;
  /** null switches it on again; with an axis it is no unit of the picture */
  ablate(unit: number, method: Ablation["method"] | null, axis?: "token"): void;
  resetAblations(): void;
  pin(unit: number, on: boolean): void;
  compare(step: number | null, sample: number | null): void;
  upload(file: File): void;
  draw(size: { height: number; width: number }, ink: Uint8Array): Promise<unknown>;
  forget(): void;
}

/** What the user may do, and the state as it will be once the kernel has agreed. */
export function useActions(kernel: State, link: Link): { state: State; act: Actions } {
  const latest = useLatest(link);
  const lens = useLens(useLatest(link), kernel.lens);
  const sample = useControl(useLatest(link), kernel.sample, "sample");
  const unit = useControl(useLatest(link), kernel.unit, "unit");
  const act = useMemo<Omit<Actions, "look" | "sample" | "unit">>(
    () => ({
      ablate: (unit, method, axis) =>
        void latest.send("ablate", { unit, method, ...(axis && { axis }) }, `ablate ${axis} ${unit}`),
      resetAblations: () => void latest.send("ablate_reset", {}),
      pin: (unit, on) => void latest.send("pin", { unit, on }, `pin ${unit}`),
      compare: (step, sample) => void latest.send("compare", { step, sample }),
      upload: async (file) => void link.request("upload", { name: file.name }, [await file.arrayBuffer()]),
      draw: (size, ink) => link.request("draw", size, [ink.slice().buffer]),
      forget: () => void latest.send("forget_input", {}),
    }),
    [latest, link],
  );
  const pick = (next: number) => {
    if (lens.value.input === "own") lens.look({ input: "probe" });
    if (next !== sample.value) void sample.set(next);
  };
  const state = { ...kernel, lens: lens.value, sample: sample.value, unit: unit.value };
  return { state, act: { ...act, look: lens.look, sample: pick, unit: (next) => void unit.set(next) } };
}

/** The lens as the user has just set it; what is asked for while a request is on its way goes out with the next one. */
function useLens(latest: Latest, kernel: Lens) {
  const { value, hold, release } = useHeld(kernel);
  const wanted = useRef<{ lens: Lens; changes: Partial<Lens> } | null>(null);
  const look = async (changes: Partial<Lens>) => {
    const all = { ...wanted.current?.changes, ...changes };
    wanted.current = { lens: { ...(wanted.current?.lens ?? value), ...changes }, changes: all };
    hold(wanted.current.lens);
    const reply = await latest.send("look", { changes: all });
    if (wanted.current?.changes !== all) return;
    wanted.current = null;
    release(reply === null);
  };
  return { value, look: (changes: Partial<Lens>) => void look(changes) };
}
