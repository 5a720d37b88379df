import { Button, Segmented } from "../../shared/parts";
import { ablationOf } from "./marks";
import type { PanelProps } from "./props";

const METHODS = [
  { value: "zero", label: "zero", title: "it gives 0" },
  { value: "mean", label: "mean", title: "it gives its mean over the probe" },
] as const;

interface Props extends Pick<PanelProps, "state" | "push" | "act"> {
  unit: number;
  /** without it the unit is one of the picture's */
  axis?: "token";
}

/** Switches a unit or a token off, to zero or its mean, and on again. */
export function AblateButtons({ state, push, act, unit, axis }: Props) {
  const off = ablationOf(state, push.value.key, unit, axis);
  const title = axis
    ? "switch this token off and see what the model answers then"
    : "switch this unit off and see what the model answers then (a)";
  return (
    <>
      <Button pressed={Boolean(off)} title={title} act={() => act.ablate(unit, off ? null : "zero", axis)}>
        {axis ? "Ablate token" : "Ablate"}
      </Button>
      {off && (
        <Segmented
          label="ablate with"
          options={METHODS}
          value={off.method}
          choose={(method) => act.ablate(unit, method, axis)}
        />
      )}
    </>
  );
}
