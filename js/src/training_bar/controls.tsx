import type { Keys } from "../shared/keyboard";
import { Button } from "../shared/parts";
import type { Link } from "../shared/wire";
import type { Control, State } from "./index";

interface Props {
  state: State;
  link: Link;
}

/** The buttons that drive the loop; none where there is none to be driven. */
export function Controls({ state, link }: Props) {
  if (!Object.keys(state.unavailable).length) return null;
  const acts = actsOf(state, link);
  const held = isHeld(state);
  const why = state.unavailable;
  return (
    <div class="tvw-bar-controls" role="group" aria-label="drive the training">
      <Button act={acts.pause} unavailable={why.pause} title={held ? "go on (p)" : "hold after this step (p)"}>
        <span class="tvw-bar-pause">{held ? "Resume" : "Pause"}</span>
      </Button>
      <Button act={acts.step} unavailable={why.step} title="one step, then pause (s)">
        Step
      </Button>
      <Button act={acts.epoch} unavailable={why.epoch} title="to the end of the epoch, then pause (e)">
        Epoch
      </Button>
      <Button act={acts.stop} unavailable={why.stop} title="end the loop; the code after it runs (x)">
        Stop
      </Button>
    </div>
  );
}

/** What each key does while its button can be pressed. */
export function keysOf(state: State, link: Link): Keys {
  const acts = actsOf(state, link);
  const open = (control: Control) => (state.unavailable[control] === "" ? acts[control] : undefined);
  return { p: open("pause"), s: open("step"), e: open("epoch"), x: open("stop") };
}

function actsOf(state: State, link: Link): Record<Control, () => void> {
  return {
    pause: () => void (isHeld(state) ? link.request("resume") : link.request("pause")),
    step: () => void link.request("step"),
    epoch: () => void link.request("epoch"),
    stop: () => void link.request("stop"),
  };
}

function isHeld({ status }: State): boolean {
  return status === "paused" || status === "pausing";
}
