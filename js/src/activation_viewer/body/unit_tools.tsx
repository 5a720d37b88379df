import { Button } from "../../shared/parts";
import { Remote } from "../remote";
import { AblateButtons } from "./ablate_buttons";
import { pinned } from "./marks";
import type { PanelProps } from "./props";

/** What can be done with the chosen unit: switch it off, follow it over the epochs. */
export function UnitTools(props: PanelProps & { unit: number }) {
  const { state, push, act, unit, index } = props;
  if (index > 0 || push.value.tab === "weights") return null;
  const held = pinned(state, push.value.key).has(unit);
  return (
    <>
      <div class="tvw-unit-tools">
        <AblateButtons {...props} unit={unit} />
        <Button pressed={held} title="follow this unit over the epochs (p)" act={() => act.pin(unit, !held)}>
          Pin
        </Button>
      </div>
      {state.pins.length > 0 && <Remote more={props.more} view="PinPlots" given={props} />}
    </>
  );
}
