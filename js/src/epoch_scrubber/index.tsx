import "../shared/theme.css";
import "./style.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { useControl } from "../shared/held";
import { useLatest } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { Mark } from "../shared/marks";
import { type ViewProps, widget } from "../shared/mount";
import { Button } from "../shared/parts";
import { label, nextMark, playhead } from "./timeline";
import { Timeline } from "./timeline_view";

export interface State {
  steps: number[];
  epochs: (number | null)[];
  position: number | null;
  last_step: number;
  total_steps: number | null;
  steps_per_epoch: number | null;
  marks: Mark[];
}

/** Shortest time between two frames of play. */
const FRAME = 100;

function EpochScrubber({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const position = useControl(latest, state.position, "move", "step");
  const [playing, setPlaying] = useState(false);
  const asked = useRef(0);
  const newest = state.steps.length - 1;
  const index = playhead(state.steps, position.value);
  const live = position.value === null;

  const move = async (step: number | null) => {
    asked.current = performance.now();
    if (!(await position.set(step))) setPlaying(false);
  };
  const goto = (to: number) => {
    const step = state.steps[Math.min(newest, Math.max(0, to))];
    if (step !== undefined) return move(step);
    return Promise.resolve();
  };
  const seek = (to: number) => {
    setPlaying(false);
    void goto(to);
  };
  const play = () => {
    if (!playing && index >= newest) void goto(0);
    setPlaying(!playing);
  };

  useEffect(() => {
    if (!playing || position.held) return;
    if (index >= newest) {
      setPlaying(false);
      return;
    }
    // not held: the last frame is painted in every view, so the next may be asked for
    const timer = setTimeout(() => void goto(index + 1), FRAME - (performance.now() - asked.current));
    return () => clearTimeout(timer);
  }, [playing, index, newest, position.held]);

  const keys = {
    ArrowLeft: () => seek(index - 1),
    ArrowDown: () => seek(index - 1),
    ArrowRight: () => seek(index + 1),
    ArrowUp: () => seek(index + 1),
    PageDown: () => seek(index - 5),
    PageUp: () => seek(index + 5),
    Home: () => seek(0),
    End: () => seek(newest),
    " ": play,
    l: () => void move(null),
    m: () => seek(nextMark(state, index)),
  };
  return (
    <div class="tvw-scrubber" role="group" aria-label="timeline" onKeyDown={onKeys(keys)}>
      <Button act={play} label={playing ? "pause" : "play"} title="space" disabled={newest < 1}>
        <PlayIcon playing={playing} />
      </Button>
      <Timeline state={state} link={link} index={index} live={live} seek={seek} />
      <output class="tvw-num tvw-scrubber-label">{label(state, index, live)}</output>
      <Button
        act={() => {
          setPlaying(false);
          void move(null);
        }}
        pressed={live}
        title="follow the newest epoch"
      >
        Live
      </Button>
    </div>
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
    last_step: true,
    total_steps: true,
    steps_per_epoch: true,
    marks: true,
  },
  View: EpochScrubber,
  help: [
    ["← →", "earlier, later snapshot"],
    ["Home End", "first, newest snapshot"],
    ["space", "play, pause"],
    ["l", "live: follow the newest"],
    ["m", "the snapshot before the next mark"],
  ],
});
