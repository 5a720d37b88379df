import "../shared/theme.css";
import "./style.css";
import { useState } from "preact/hooks";
import { count, duration, percent } from "../shared/format";
import { onKeys } from "../shared/keyboard";
import { type ViewProps, widget } from "../shared/mount";
import { Controls, keysOf } from "./controls";
import { Cost } from "./cost";

export interface State {
  name: string;
  run_path: string;
  status:
    | "idle"
    | "training"
    | "pausing"
    | "paused"
    | "stopping"
    | "finished"
    | "stopped"
    | "interrupted"
    | "failed"
    | "closed"
    | "following"
    | "recorded"
    | "inspected";
  epoch: number;
  epochs: number | null;
  step: number;
  progress: number | null;
  rate: number | null;
  steps_per_second: number | null;
  seconds_left: number | null;
  elapsed: number;
  overhead: number | null;
  overhead_cap: number | null;
  savings: string;
  memory: Memory[];
  unavailable: Partial<Record<Control, string>>;
  warnings: string[];
  detail: string;
}

export type Control = "pause" | "step" | "epoch" | "stop";

export interface Memory {
  /** "host", or a device such as "cuda:0" */
  place: string;
  used: number;
  total: number | null;
}

const UNDER_WAY = new Set(["training", "pausing", "paused", "stopping", "following"]);

/** epoch 7 / 20 · step 1,594 */
export function position({ epoch, epochs, step }: State): string {
  const of = epochs ? ` / ${count(epochs)}` : "";
  return `epoch ${count(epoch)}${of} · step ${count(step)}`;
}

/** 0:42 left · 5,120 samples/s, or what is known of it */
export function pace(state: State): string {
  const training = UNDER_WAY.has(state.status);
  const parts: string[] = [];
  if (training && state.seconds_left !== null) parts.push(`${duration(state.seconds_left)} left`);
  else if (state.elapsed > 0) parts.push(`${duration(state.elapsed)} ${training ? "so far" : "in all"}`);
  if (state.status === "paused") return parts.join(" · ");
  if (state.rate !== null) parts.push(`${count(state.rate)} samples/s`);
  else if (state.steps_per_second !== null) parts.push(`${state.steps_per_second.toFixed(1)} steps/s`);
  return parts.join(" · ");
}

function Progress({ state }: { state: State }) {
  if (state.progress === null) return <div class="tvw-bar-track tvw-bar-unknown" data-status={state.status} />;
  const share = Math.min(1, Math.max(0, state.progress));
  return (
    <div
      class="tvw-bar-track"
      role="progressbar"
      aria-label="training progress"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      title={percent(share)}
    >
      <b style={{ width: `${share * 100}%` }} />
    </div>
  );
}

function Warnings({ warnings }: { warnings: string[] }) {
  const [open, setOpen] = useState(false);
  const last = warnings.at(-1);
  if (last === undefined) return null;
  const many = warnings.length === 1 ? "1 warning" : `${warnings.length} warnings`;
  return (
    <div class="tvw-bar-warnings">
      <button type="button" class="tvw-plain" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="tvw-bar-fold">{open ? "▾" : "▸"}</span>
        <span class="tvw-warm">{many}</span>
        {!open && <span class="tvw-bar-last">{last}</span>}
      </button>
      {open && (
        <ul>
          {warnings.map((warning, i) => (
            // warnings are only ever appended: the place tells two equal ones apart
            <li key={i}>{warning}</li>
          ))}
        </ul>
      )}
    </div>
  );
}

function TrainingBar({ state, link }: ViewProps<State>) {
  // one state of a model, of which no training is known: nothing to tell of it
  const inspected = state.status === "inspected";
  return (
    <div role="group" aria-label="training" onKeyDown={onKeys(keysOf(state, link))}>
      <div class="tvw-bar">
        <span class="tvw-bar-name" title={state.run_path}>
          {state.name}
        </span>
        <span class="tvw-bar-status" data-status={state.status}>
          <i />
          {state.status}
        </span>
        {!UNDER_WAY.has(state.status) && !inspected && (
          <span class="tvw-bar-path tvw-mono" title={state.run_path}>
            {/* the mark keeps a leading slash in its place: the text is cut at its beginning */}
            {`\u200e${state.run_path}`}
          </span>
        )}
        {!inspected && (
          <>
            <span class="tvw-num">{position(state)}</span>
            <Progress state={state} />
            <span class="tvw-num">{pace(state)}</span>
            <Cost state={state} />
            <Controls state={state} link={link} />
          </>
        )}
      </div>
      {state.detail && <div class="tvw-bar-detail tvw-mono">{state.detail}</div>}
      <Warnings warnings={state.warnings} />
    </div>
  );
}

const traits = {
  name: true,
  run_path: true,
  status: true,
  epoch: true,
  epochs: true,
  step: true,
  progress: true,
  rate: true,
  steps_per_second: true,
  seconds_left: true,
  elapsed: true,
  overhead: true,
  overhead_cap: true,
  savings: true,
  memory: true,
  unavailable: true,
  warnings: true,
  detail: true,
} as const;

export default widget<State>({
  name: "training_bar",
  traits,
  View: TrainingBar,
  help: [
    ["p", "pause, resume"],
    ["s", "one step, then pause"],
    ["e", "to the end of the epoch, then pause"],
    ["x", "stop: the code after the loop runs"],
  ],
});
