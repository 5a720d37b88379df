import { Button, Segmented } from "../../shared/parts";
import { Remote } from "../remote";
import { ablated, pinned } from "./marks";
import type { PanelProps } from "./props";

const METHODS = [
  { value: "zero", label: "zero", title: "the unit gives 0" },
  { value: "mean", label: "mean", title: "the unit gives its mean over the probe" },
] as const;

/** What can be done with the chosen unit: switch it off, follow it over the epochs. */
export function UnitTools(props: PanelProps & { unit: number }) {
  const { state, push, act, unit, index } = props;
  if (index > 0 || push.value.tab === "weights") return null;
  const off = state.ablations.find((one) => one.key === push.value.key && one.unit === unit);
  const held = pinned(state, push.value.key).has(unit);
  return (
    <>
      <div class="tvw-unit-tools">
        <Button
          pressed={ablated(state, push.value.key).has(unit)}
          title="switch this unit off and see what the model answers then (a)"
          act={() => act.ablate(unit, off ? null : "zero")}
        >
          Ablate
        </Button>
        {off && (
          <Segmented
            label="ablate with"
            options={METHODS}
            value={off.method}
            choose={(method) => act.ablate(unit, method)}
          />
        )}
        <Button pressed={held} title="follow this unit over the epochs (p)" act={() => act.pin(unit, !held)}>
          Pin
        </Button>
      </div>
      {state.pins.length > 0 && <Remote more={props.more} view="PinPlots" given={props} />}
    </>
  );
}
