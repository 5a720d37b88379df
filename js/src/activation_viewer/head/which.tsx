import { Select } from "../../shared/parts";
import type { Actions } from "../actions";
import type { Frame } from "../frame";
import type { State } from "../state";

interface Props {
  frame: Frame | null;
  state: State;
  act: Actions;
}

/** The output, the parameter or the class, where there are several. */
export function Which({ frame, state, act }: Props) {
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
