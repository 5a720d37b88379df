import { useEffect, useRef } from "preact/hooks";
import type { Link } from "../shared/wire";
import type { State } from "./index";
import { playhead } from "./timeline";

/**
 * Moves on their way to the kernel. Each is answered when every view on screen has its frame and room for more (`ROOM`
 * in widgets/base.py): while one is painted the next is computed, no frame is lost, and a slow view slows the play.
 */
const AHEAD = 2;

interface Play {
  state: State;
  link: Link;
  /** snapshots a second */
  speed: number;
  playing: boolean;
  stop(): void;
}

/** Asks for one snapshot after the other while playing, from the one on show to the newest. */
export function usePlay(play: Play): void {
  const now = useRef(play);
  now.current = play;
  useEffect(() => {
    if (!play.playing) return;
    const life = new AbortController();
    void run(now, life.signal);
    return () => life.abort();
  }, [play.playing]);
}

async function run(now: { current: Play }, signal: AbortSignal): Promise<void> {
  let next = firstOf(now.current.state);
  let due = performance.now();
  const waiting = new Set<Promise<void>>();
  while (!signal.aborted && next < now.current.state.steps.length) {
    await sleep(due - performance.now());
    if (waiting.size >= AHEAD) await Promise.race(waiting);
    if (signal.aborted) return;
    due = Math.max(due + 1000 / now.current.speed, performance.now());
    const answer: Promise<void> = ask(now.current, next++).then(() => void waiting.delete(answer));
    waiting.add(answer);
  }
  await Promise.all(waiting);
  if (!signal.aborted) now.current.stop();
}

/** From the start again where the end has been reached. */
function firstOf({ steps, position }: State): number {
  const index = playhead(steps, position);
  return index >= steps.length - 1 ? 0 : index + 1;
}

async function ask({ state, link, stop }: Play, index: number): Promise<void> {
  if (!(await link.request("move", { step: state.steps[index] }))) stop();
}

function sleep(ms: number): Promise<void> {
  return ms > 0 ? new Promise((done) => setTimeout(done, ms)) : Promise.resolve();
}
