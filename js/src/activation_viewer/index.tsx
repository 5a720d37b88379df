import "../shared/theme.css";
import "./style.css";
import { useEffect, useState } from "preact/hooks";
import { useControl } from "../shared/held";
import { useLatest, usePush } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import { type ViewProps, widget } from "../shared/mount";
import { bytes, type Push } from "../shared/wire";
import { Bars } from "./bars";
import { ClassBars } from "./class_bars";
import { useExact } from "./exact";
import { type Frame, facts, type Picture, type Samples, summary, tileOf, unitOf, when } from "./frame";
import { Legend } from "./legend";
import { Maps } from "./maps";
import { Strip } from "./strip";

export interface State {
  layer: string;
  sample: number;
  unit: number | null;
  scope: "unit" | "layer" | "epochs";
}

function ActivationViewer({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const push = usePush<Frame>(link, "frame");
  const samples = usePush<Samples>(link, "samples");
  const sample = useControl(latest, state.sample, "sample");
  const unit = useControl(latest, state.unit, "unit");
  const scope = useControl(latest, state.scope, "scope");
  const pickSample = (next: number) => {
    const count = samples?.value.count ?? 0;
    if (next >= 0 && next < count && next !== sample.value) void sample.set(next);
  };
  const keys = { "[": () => pickSample(sample.value - 1), "]": () => pickSample(sample.value + 1) };
  return (
    <div class="tvw-viewer" role="group" aria-label="activations" onKeyDown={onKeys(keys)}>
      <Header frame={push?.value ?? null} layer={state.layer} />
      {samples && <Strip samples={samples} frame={push?.value ?? null} selected={sample.value} pick={pickSample} />}
      {push && (
        <Body
          push={push}
          samples={samples}
          state={{ ...state, sample: sample.value, unit: unit.value, scope: scope.value }}
          link={link}
          setUnit={(next) => void unit.set(next)}
          setScope={(next) => void scope.set(next)}
        />
      )}
      {push && <Summary text={summary(push.value, samples?.value.labels ?? [])} />}
    </div>
  );
}

function Header({ frame, layer }: { frame: Frame | null; layer: string }) {
  const current = frame && frame.layer === layer ? frame : null;
  return (
    <div class="tvw-viewer-head">
      <span class="tvw-path">{layer || current?.type || "model"}</span>
      <span class="tvw-num">{current ? facts(current.type, current.picture) : ""}</span>
      {frame && <span class="tvw-num tvw-viewer-when">{when(frame)}</span>}
    </div>
  );
}

export interface BodyProps extends ViewProps<State> {
  push: Push<Frame>;
  samples: Push<Samples> | null;
  setUnit(unit: number): void;
  setScope(scope: State["scope"]): void;
}

function Body(props: BodyProps) {
  const { push, state, link } = props;
  const exact = useExact(link, push);
  const { picture, error, classes } = push.value;
  if (error) return <Trouble error={error} />;
  if (!picture) return null;
  if (!picture.tiles[0])
    return <Trouble error={{ reason: picture.text || "Nothing to show.", remedy: picture.note }} />;
  const codes = bytes(push.buffers[0]);
  const legend = <Legend picture={picture} scope={state.scope} setScope={props.setScope} />;
  if (inBars(picture)) {
    const logits = classes && classes.length === picture.tiles[1] * picture.tiles[2];
    const common = { push, picture, codes, exact };
    return (
      <div>{logits ? <ClassBars {...common} classes={classes} /> : [legend, <Bars key="bars" {...common} />]}</div>
    );
  }
  const tile = tileOf(picture, state.unit);
  return (
    <Maps
      {...props}
      picture={picture}
      codes={codes}
      exact={exact}
      tile={tile}
      legend={legend}
      setTile={(next) => props.setUnit(unitOf(picture, next))}
    />
  );
}

/** Numbers in a row, also of one unit over time. */
function inBars({ kind, tiles: [count, , width] }: Picture): boolean {
  return kind === "vector" || kind === "scalar" || (kind === "sequence" && count === 1 && width === 1);
}

function Trouble({ error }: { error: { reason: string; remedy: string } }) {
  return (
    <div class="tvw-trouble" role="note">
      <p>{error.reason}</p>
      <p>{error.remedy}</p>
    </div>
  );
}

/** Said once the pictures rest: a reader must not be talked over while the user scrubs. */
function Summary({ text }: { text: string }) {
  const [said, say] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => say(text), 1000);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="tvw-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}

export default widget<State>({
  name: "activation_viewer",
  traits: { layer: true, sample: true, unit: true, scope: true },
  View: ActivationViewer,
  help: [
    ["← → ↑ ↓", "move between units, on the atlas"],
    ["[ ]", "previous, next sample"],
    ["pointer", "exact value"],
  ],
});
