import "../shared/theme.css";
import "./style.css";
import "./figure.css";
import { fixed } from "../shared/format";
import { useControl } from "../shared/held";
import { useLatest } from "../shared/hooks";
import { type ViewProps, widget } from "../shared/mount";
import { Segmented } from "../shared/parts";

export interface LegendEntry {
  name: string;
  /** the latest value, as text */
  value: string;
  /** a colour of the theme: accent, warm, series-3 … */
  colour: string;
  /** its place among the plot's lines */
  line: number;
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

function LossPlot({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const group = useControl(latest, state.group, "group");
  const scale = useControl(latest, state.scale, "scale");
  const axis = useControl(latest, state.axis, "axis");
  const smoothing = useControl(latest, state.smoothing, "smoothing");
  const groups = state.groups.map((value) => ({ value, label: value }));
  return (
    <div class="tvw-loss-head">
      {groups.length > 1 ? (
        <Segmented label="metric" options={groups} value={group.value} choose={group.set} />
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
          onInput={(event) => void smoothing.set(event.currentTarget.valueAsNumber)}
        />
        <output>{fixed(smoothing.value, 2)}</output>
      </label>
      <Segmented label="scale" options={SCALES} value={scale.value} choose={scale.set} />
      <Segmented label="horizontal axis" options={AXES} value={axis.value} choose={axis.set} />
      <Legend entries={state.legend} />
    </div>
  );
}

function Legend({ entries }: { entries: LegendEntry[] }) {
  return (
    <ul class="tvw-loss-legend" aria-label="latest values">
      {entries.map((entry) => (
        <li key={entry.line} style={{ color: `var(--tvw-${entry.colour})` }}>
          <svg width="14" height="6" aria-hidden="true">
            <line x1="0" x2="14" y1="3" y2="3" />
          </svg>
          {entry.name} <span class="tvw-loss-value">{entry.value}</span>
        </li>
      ))}
    </ul>
  );
}

export default widget<State>({
  name: "loss_plot",
  traits: { groups: true, group: true, scale: true, axis: true, smoothing: true, legend: true },
  View: LossPlot,
});
