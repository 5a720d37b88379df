import "../shared/theme.css";
import "./style.css";
import "./panels.css";
import { useId, useRef, useState } from "preact/hooks";
import { useControl } from "../shared/held";
import { useLatest, usePush } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { Latest } from "../shared/latest";
import { type ViewProps, widget } from "../shared/mount";
import { Button, Tabs } from "../shared/parts";
import type { Link, Push } from "../shared/wire";
import { BlendPanel } from "./blend_panel";
import { Consequence } from "./consequence";
import { EditList } from "./edit_list";
import { Finder } from "./finder";
import { Mode } from "./mode";
import { TensorRow } from "./tensor_row";
import type { Weights } from "./weights";

export interface State {
  layer: string;
  mode: "preview" | "live";
  can_live: boolean;
  reset_optimizer: boolean;
}

type Tab = "layer" | "blend" | "edits";

const PANELS = { layer: "weights of the layer", blend: "toward a snapshot", edits: "list of edits" };

function WeightSliders({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const push = usePush<Weights>(link, "weights");
  const mode = useControl(latest, state.mode, "mode");
  const [tab, setTab] = useState<Tab>("layer");
  const [open, setOpen] = useState<string | null>(null);
  const panel = useId();
  const { undo = 0, redo = 0, edits = 0 } = push?.value ?? {};
  const made = mode.value === "preview" ? edits : undo;
  const tabs = [
    { value: "layer", label: "Weights", title: "the selected layer's weights" },
    { value: "blend", label: "Blend", title: "toward another epoch's weights" },
    { value: "edits", label: made ? `Edits ${made}` : "Edits", title: "the list of edits" },
  ] as const;
  const box = useRef<HTMLDivElement>(null);
  // A button that has nothing left to do is disabled, and with the focus the keys would go.
  const keepFocus = (left: number) => left === 0 && box.current?.focus({ preventScroll: true });
  const doUndo = () => {
    if (undo > 0) void latest.send("undo", {});
    keepFocus(undo - 1);
  };
  const doRedo = () => {
    if (redo > 0) void latest.send("redo", {});
    keepFocus(redo - 1);
  };
  const found = (name: string) => {
    setTab("layer");
    setOpen(name);
  };
  return (
    <div
      class="tvw-sliders"
      ref={box}
      tabIndex={-1}
      role="group"
      aria-label="weight sliders"
      data-mode={mode.value}
      onKeyDown={onKeys({ u: doUndo, r: doRedo })}
    >
      <div class="tvw-sliders-head">
        <Tabs label="what is changed" options={tabs} value={tab} panel={panel} choose={(next: Tab) => setTab(next)} />
        <Finder latest={latest} chosen={found} />
      </div>
      <div class="tvw-sliders-head">
        <Mode mode={mode} canLive={state.can_live} forget={state.reset_optimizer} latest={latest} />
        <span class="tvw-sliders-tools">
          {mode.value === "preview" && edits > 0 && (
            <Button act={() => void latest.send("reset", {})} title="drop the preview's changes">
              Reset
            </Button>
          )}
          <Button act={doUndo} disabled={undo === 0} title="take back the last change (u)">
            {undo > 0 ? `Undo ${undo}` : "Undo"}
          </Button>
          <Button act={doRedo} disabled={redo === 0} title="make it again (r)">
            Redo
          </Button>
        </span>
      </div>
      <div class="tvw-sliders-panel" id={panel} role="tabpanel" aria-label={PANELS[tab]}>
        {push && tab === "layer" && <Layer push={push} latest={latest} link={link} open={open} setOpen={setOpen} />}
        {push && tab === "blend" && (
          <BlendPanel link={link} latest={latest} tensors={push.value.tensors.map(({ name }) => name)} />
        )}
        {push && tab === "edits" && <EditList link={link} latest={latest} canLive={state.can_live} />}
      </div>
      {push && <Consequence probe={push.value.probe} />}
    </div>
  );
}

interface LayerProps {
  push: Push<Weights>;
  latest: Latest;
  link: Link;
  open: string | null;
  setOpen(name: string | null): void;
}

function Layer({ push, latest, link, open, setOpen }: LayerProps) {
  const { tensors, error } = push.value;
  return (
    <div class="tvw-sliders-list" tabIndex={-1}>
      {tensors.map((tensor, i) => (
        <TensorRow
          key={tensor.name}
          tensor={tensor}
          push={push}
          buffer={push.buffers[i]}
          latest={latest}
          link={link}
          open={tensor.name === open}
          toggle={() => setOpen(tensor.name === open ? null : tensor.name)}
        />
      ))}
      {error && <p class="tvw-sliders-none">{error}</p>}
    </div>
  );
}

export default widget<State>({
  name: "weight_sliders",
  traits: { layer: true, mode: true, can_live: true, reset_optimizer: true },
  View: WeightSliders,
  help: [
    ["← →", "move a slider, or the chosen value on a map"],
    ["+ −", "the chosen value a little larger, smaller"],
    ["↑ ↓", "in a field: its value, with shift ten times as far"],
    ["u, r", "undo, redo"],
  ],
});
