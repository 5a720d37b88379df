import { Select, Tabs } from "../../shared/parts";
import type { Actions } from "../actions";
import type { Frame } from "../frame";
import type { State } from "../state";
import { facts } from "../words";

const TABS = [
  { value: "activations", label: "Activations" },
  { value: "weights", label: "Weights" },
  { value: "gradients", label: "Gradients" },
  { value: "distribution", label: "Distribution" },
] as const;

interface Props {
  frame: Frame | null;
  state: State;
  act: Actions;
  panel: string;
  open: boolean;
  toggle(): void;
}

/** Which layer, what of it, and the tabs. */
export function Head(props: Props) {
  const { frame, state, act } = props;
  const current = frame && frame.layer === state.layer ? frame : null;
  const about = current ? facts(current.type, current.panels[0]?.picture ?? null) : "";
  return (
    <div class="tvw-viewer-head">
      <span class="tvw-path">{state.layer || current?.type || "model"}</span>
      <Which {...props} />
      <span class="tvw-num tvw-facts" title={about}>
        {about}
      </span>
      <span class="tvw-viewer-tabs">
        <Tabs
          label="what is shown of the layer"
          options={TABS}
          value={state.lens.tab}
          panel={props.panel}
          choose={(tab) => act.look({ tab })}
        />
        <button
          type="button"
          class="tvw-button tvw-more"
          aria-label="options"
          title="options (o)"
          aria-expanded={props.open}
          onClick={props.toggle}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" />
            <circle cx="10" cy="4.5" r="1.8" />
            <circle cx="6" cy="11.5" r="1.8" />
          </svg>
        </button>
      </span>
    </div>
  );
}

/** The output, the parameter or the class, where there are several. */
function Which({ frame, state, act }: Props) {
  const { tab } = state.lens;
  const weights = tab === "weights" || (tab === "distribution" && state.lens.spread === "weights");
  if (weights && state.parameters.length) {
    const options = state.parameters.map(({ name, shape }) => ({ value: name, label: `${name} · ${shape}` }));
    const value = state.lens.parameter ?? options[0]?.value ?? "";
    return <Select label="parameter" options={options} value={value} choose={(parameter) => act.look({ parameter })} />;
  }
  return (
    <>
      {!weights && state.outlets.length > 1 && <Leaves state={state} act={act} />}
      {tab === "gradients" && <GradientOf frame={frame} state={state} act={act} />}
    </>
  );
}

/** The outputs of the layer: its calls, the leaves of a nested output, its attention weights. */
function Leaves({ state, act }: { state: State; act: Actions }) {
  const options = state.outlets.map(({ key, label, shape }) => ({
    value: key,
    label: [label || "output", shape].filter(Boolean).join(" · "),
  }));
  const value = state.lens.key ?? options[0]?.value ?? "";
  return <Select label="output of the layer" options={options} value={value} choose={(key) => act.look({ key })} />;
}

function GradientOf({ frame, state, act }: { frame: Frame | null; state: State; act: Actions }) {
  const names = frame?.classes ?? [];
  const of = String(state.lens.of);
  const classes = names.map((name, i) => ({ value: String(i), label: name }));
  if (of !== "loss" && !classes[Number(of)]) classes.push({ value: of, label: `class ${of}` });
  const options = [{ value: "loss", label: "the loss" }, ...classes];
  const choose = (value: string) => act.look({ of: value === "loss" ? "loss" : Number(value) });
  return (
    <span class="tvw-num">
      {"gradient of "}
      <Select label="gradient of" options={options} value={of} choose={choose} />
    </span>
  );
}
