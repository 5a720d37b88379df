import "../shared/theme.css";
import "./style.css";
import { useControl } from "../shared/held";
import { useLatest, usePush } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { Latest } from "../shared/latest";
import { type ViewProps, widget } from "../shared/mount";
import { Button, Segmented } from "../shared/parts";
import type { Push } from "../shared/wire";
import { Consequence } from "./consequence";
import { TensorRow } from "./tensor_row";
import type { Weights } from "./weights";

export interface State {
  layer: string;
  mode: "preview" | "live";
  can_live: boolean;
}

const NO_LIVE = "there is no model in training here: a recorded run can only be previewed";

function WeightSliders({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const push = usePush<Weights>(link, "weights");
  const mode = useControl(latest, state.mode, "mode");
  const modes = [
    { value: "preview", label: "Preview", title: "on a copy: the training model is left alone" },
    {
      value: "live",
      label: "Live",
      title: "on the training model, at its next step boundary",
      unavailable: state.can_live ? undefined : NO_LIVE,
    },
  ] as const;
  const { undo = 0, edits = 0 } = push?.value ?? {};
  const doUndo = () => undo > 0 && void latest.send("undo", {});
  return (
    <div class="tvw-sliders" role="group" aria-label="weight sliders" onKeyDown={onKeys({ u: doUndo })}>
      <div class="tvw-sliders-head">
        <span class="tvw-heading">Weights</span>
        <Segmented label="what the sliders change" options={modes} value={mode.value} choose={mode.set} />
        <span class="tvw-sliders-tools">
          {mode.value === "preview" && edits > 0 && (
            <Button act={() => void latest.send("reset", {})} title="drop the preview's changes">
              Reset
            </Button>
          )}
          <Button act={doUndo} disabled={undo === 0} title="take back the last change (u)">
            {undo > 0 ? `Undo ${undo}` : "Undo"}
          </Button>
        </span>
      </div>
      {push && <Body push={push} latest={latest} />}
    </div>
  );
}

function Body({ push, latest }: { push: Push<Weights>; latest: Latest }) {
  const { tensors, error } = push.value;
  return (
    <>
      <div class="tvw-sliders-list" tabIndex={-1}>
        {tensors.map((tensor, i) => (
          <TensorRow key={tensor.name} tensor={tensor} push={push} buffer={push.buffers[i]} latest={latest} />
        ))}
        {error && <p class="tvw-sliders-none">{error}</p>}
      </div>
      <Consequence probe={push.value.probe} />
    </>
  );
}

export default widget<State>({
  name: "weight_sliders",
  traits: { layer: true, mode: true, can_live: true },
  View: WeightSliders,
  help: [
    ["← →", "move a slider, or the chosen value on a map"],
    ["u", "undo"],
  ],
});
