import "../shared/theme.css";
import "./style.css";
import "./figure.css";
import { useState } from "preact/hooks";
import { fixed } from "../shared/format";
import { useControl } from "../shared/held";
import { useLatest } from "../shared/hooks";
import { howMany, inWords, type Mark } from "../shared/marks";
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
  marks: Mark[];
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
      <Marks marks={state.marks} />
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
          {entry.name} {entry.value && <span class="tvw-loss-value">{entry.value}</span>}
        </li>
      ))}
    </ul>
  );
}

/** What the marks in the plot are about, for those who cannot point at them. */
function Marks({ marks }: { marks: Mark[] }) {
  const [open, setOpen] = useState(false);
  const lines = inWords(marks);
  return (
    <>
      {marks.length > 0 && (
        <button type="button" class="tvw-plain" aria-expanded={open} onClick={() => setOpen(!open)}>
          <svg width="9" height="7" viewBox="0 0 9 7" aria-hidden="true">
            <path d="M0 7L4.5 0L9 7Z" fill="currentColor" />
          </svg>
          {howMany(marks)}
        </button>
      )}
      {open && marks.length > 0 && (
        <ul class="tvw-loss-marks">
          {lines.map((line, i) => (
            // marks are appended, and one is amended in its place
            <li key={i}>{line}</li>
          ))}
        </ul>
      )}
      <div class="tvw-hidden" role="status" aria-live="polite">
        {lines.at(-1)}
      </div>
    </>
  );
}

export default widget<State>({
  name: "loss_plot",
  traits: { groups: true, group: true, scale: true, axis: true, smoothing: true, legend: true, marks: true },
  View: LossPlot,
});
