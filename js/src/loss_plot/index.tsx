import "../shared/theme.css";
import "./style.css";
import "./figure.css";
import { fixed } from "../shared/format";
import { useHeld, useLatest } from "../shared/hooks";
import { type ViewProps, widget } from "../shared/mount";
import { Segmented } from "../shared/parts";

export interface LegendEntry {
  name: string;
  /** the latest value, as text */
  value: string;
  /** a colour of the theme (accent, warm, …) or any CSS colour */
  colour: string;
  line: string;
}

export interface State {
  groups: string[];
  group: string;
  scale: "linear" | "log";
  axis: "step" | "epoch" | "time";
  smoothing: number;
  legend: LegendEntry[];
}

const SCALES = [
  { value: "linear", label: "linear" },
  { value: "log", label: "log" },
] as const;

const AXES = [
  { value: "step", label: "step" },
  { value: "epoch", label: "epoch" },
  { value: "time", label: "time", title: "seconds since the start" },
] as const;

const THEME = new Set(["accent", "warm", "ok", "dim", "faint", "ink"]);

/** A theme name becomes its variable, so that it follows the host. */
export function colourOf(colour: string): string {
  return THEME.has(colour) ? `var(--tvw-${colour})` : colour;
}

function LossPlot({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const group = useHeld(state.group);
  const scale = useHeld(state.scale);
  const axis = useHeld(state.axis);
  const smoothing = useHeld(state.smoothing);
  const choose = async <T,>(held: { hold(v: T): void; release(): void }, op: string, value: T) => {
    held.hold(value);
    await latest.send(op, { [op]: value });
    if (!latest.busy) held.release();
  };
  const groups = state.groups.map((value) => ({ value, label: value }));
  return (
    <div class="tvw-loss-head">
      {groups.length > 1 ? (
        <Segmented label="metric" options={groups} value={group.value} choose={(v) => void choose(group, "group", v)} />
      ) : (
        <span class="tvw-heading">{state.group || "no metric yet"}</span>
      )}
      <label class="tvw-smoothing" title="exponential smoothing: 0 shows the values as they are">
        <span>smoothing</span>
        <input
          type="range"
          min={0}
          max={0.99}
          step={0.01}
          value={smoothing.value}
          aria-label="smoothing"
          onInput={(event) => void choose(smoothing, "smoothing", event.currentTarget.valueAsNumber)}
        />
        <output>{fixed(smoothing.value, 2)}</output>
      </label>
      <Segmented label="scale" options={SCALES} value={scale.value} choose={(v) => void choose(scale, "scale", v)} />
      <Segmented label="horizontal axis" options={AXES} value={axis.value} choose={(v) => void choose(axis, "axis", v)} />
      <Legend entries={state.legend} />
    </div>
  );
}

function Legend({ entries }: { entries: LegendEntry[] }) {
  return (
    <ul class="tvw-loss-legend" aria-label="latest values">
      {entries.map((entry) => (
        <li key={entry.name} style={{ color: colourOf(entry.colour) }} data-line={entry.line}>
          <svg width="14" height="6" aria-hidden="true">
            <line x1="0" x2="14" y1="3" y2="3" stroke-dasharray={dashes(entry.line)} />
          </svg>
          {entry.name} <span class="tvw-loss-value">{entry.value}</span>
        </li>
      ))}
    </ul>
  );
}

function dashes(line: string): string | undefined {
  return { dashed: "4 3", dotted: "1.5 2.5" }[line];
}

export default widget<State>({
  name: "loss_plot_header",
  keys: ["groups", "group", "scale", "axis", "smoothing", "legend"],
  View: LossPlot,
});
