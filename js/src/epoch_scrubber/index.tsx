import "../shared/theme.css";
import "./style.css";
import { useEffect, useState } from "preact/hooks";
import { useControl, useHeld } from "../shared/held";
import { useLatest } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { Mark } from "../shared/marks";
import { type ViewProps, widget } from "../shared/mount";
import { Button } from "../shared/parts";
import { label, name, nextMark, playhead } from "./timeline";
import { Timeline } from "./timeline_view";

export interface State {
  steps: number[];
  epochs: (number | null)[];
  position: number | null;
  against: number | null;
  playing: boolean;
  last_step: number;
  total_steps: number | null;
  steps_per_epoch: number | null;
  can_continue: boolean;
  marks: Mark[];
}

interface Onward {
  /** what becomes of the training */
  note: string;
}

/** Epochs a second. */
const SPEEDS = [1, 2, 5, 10, 15, 30];
const USUAL = 10;
/** long enough to be read */
const NOTE_MS = 15_000;

function EpochScrubber({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const position = useControl(latest, state.position, "move", "step");
  const compared = useControl(latest, state.against !== null, "compare", "on");
  const playing = useHeld(state.playing);
  const [speed, setSpeed] = useState(USUAL);
  const [note, setNote] = useState("");
  const newest = state.steps.length - 1;
  const index = playhead(state.steps, position.value);
  const live = position.value === null;

  /** a move ends what plays, in the kernel */
  const move = (step: number | null) => void position.set(step);
  const seek = (to: number) => {
    const step = state.steps[Math.min(newest, Math.max(0, to))];
    if (step !== undefined) move(step);
  };
  const play = async (speed: number | null) => {
    playing.hold(speed !== null);
    playing.release((await link.request("play", { speed })) === null);
  };
  const toggle = () => void play(playing.value ? null : speed);
  const choose = (next: number) => {
    setSpeed(next);
    if (playing.value) void play(next);
  };
  const faster = (by: number) => () => {
    const next = SPEEDS[SPEEDS.indexOf(speed) + by];
    if (next) choose(next);
  };
  const compare = () => void compared.set(!compared.value);

  useEffect(() => {
    const timer = setTimeout(() => setNote(""), NOTE_MS);
    return () => clearTimeout(timer);
  }, [note]);
  const onward = state.can_continue && !live && newest >= 0;
  const goOn = async () => {
    const step = state.steps[index];
    if (!onward || step === undefined) return;
    const reply = await link.request<Onward>("continue_from", { step });
    setNote(reply?.value.note ?? "");
  };

  const keys = {
    ArrowLeft: () => seek(index - 1),
    ArrowDown: () => seek(index - 1),
    ArrowRight: () => seek(index + 1),
    ArrowUp: () => seek(index + 1),
    PageDown: () => seek(index - 5),
    PageUp: () => seek(index + 5),
    Home: () => seek(0),
    End: () => seek(newest),
    " ": newest < 1 ? undefined : toggle,
    l: () => move(null),
    m: () => seek(nextMark(state, index)),
    c: compare,
    r: onward ? () => void goOn() : undefined,
    "+": faster(1),
    "=": faster(1),
    "-": faster(-1),
  };
  return (
    <div class="tvw-scrubber" role="group" aria-label="timeline" onKeyDown={onKeys(keys)}>
      <Button act={toggle} label={playing.value ? "pause" : "play"} title="space" disabled={newest < 1}>
        <PlayIcon playing={playing.value} />
      </Button>
      <Speed speed={speed} choose={choose} />
      <Timeline state={state} link={link} index={index} live={live} seek={seek} />
      <output class="tvw-num tvw-scrubber-label">{label(state, index, live)}</output>
      {state.can_continue && (
        <Button
          act={() => void goOn()}
          unavailable={onward ? "" : "first take the playhead to an earlier epoch"}
          title={`put the training back to ${name(state, index)}, and go on from there (r)`}
        >
          Continue<span class="tvw-scrubber-long"> from here</span>
        </Button>
      )}
      <Button act={() => move(null)} pressed={live} title="follow the newest epoch">
        Live
      </Button>
      <Button
        act={compare}
        pressed={compared.value}
        disabled={newest < 0}
        title={compared.value ? "show one epoch alone again" : "keep this epoch in view beside the others"}
      >
        Compare
      </Button>
      {note && (
        <div class="tvw-scrubber-note" role="status">
          <span>{note}</span>
          <button type="button" class="tvw-plain" aria-label="dismiss" onClick={() => setNote("")}>
            ×
          </button>
        </div>
      )}
    </div>
  );
}

function Speed({ speed, choose }: { speed: number; choose(speed: number): void }) {
  return (
    <select
      class="tvw-scrubber-speed"
      aria-label="epochs a second"
      title="epochs a second: + −"
      value={String(speed)}
      onChange={(event) => choose(Number(event.currentTarget.value))}
    >
      {SPEEDS.map((each) => (
        <option key={each} value={each}>
          {each}/s
        </option>
      ))}
    </select>
  );
}

function PlayIcon({ playing }: { playing: boolean }) {
  return (
    <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
      <path d={playing ? "M1.5 1h2.4v8H1.5zM6.1 1h2.4v8H6.1z" : "M1.5 .6l8 4.4-8 4.4z"} fill="currentColor" />
    </svg>
  );
}

export default widget<State>({
  name: "epoch_scrubber",
  traits: {
    steps: true,
    epochs: true,
    position: true,
    against: true,
    playing: true,
    last_step: true,
    total_steps: true,
    steps_per_epoch: true,
    can_continue: true,
    marks: true,
  },
  View: EpochScrubber,
  help: [
    ["← →", "earlier, later snapshot"],
    ["Home End", "first, newest snapshot"],
    ["space", "play, pause"],
    ["+ −", "faster, slower"],
    ["l", "live: follow the newest"],
    ["m", "the snapshot before the next mark"],
    ["c", "compare with the epoch on show"],
    ["r", "rewind: continue the training from the epoch on show"],
  ],
});
