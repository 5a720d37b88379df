import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useLatest } from "../shared/hooks";
import { floats, type Link, type Push } from "../shared/wire";
import type { Frame } from "./frame";

export interface Exact {
  height: number;
  width: number;
  values: Float32Array;
}

/** Exact values of one panel's units. */
export interface ExactUnits {
  get(unit: number): Exact | null;
  ask(unit: number): void;
}

interface ExactReply {
  height: number;
  width: number;
  /** which frame they belong to; said by a kernel that has moved on since it was asked */
  layer?: string;
  step?: number;
  sample?: number;
}

/** Exact float32 values of units of the frame on show: fetched when asked for, one request at a time, kept per frame. */
export function useExact(link: Link, push: Push<Frame> | null): (panel: number) => ExactUnits {
  const latest = useLatest(link);
  const kept = useRef({ seq: -1, units: new Map<string, Exact | null>() });
  const [, redraw] = useState(0);
  const seq = push?.seq ?? -1;
  if (kept.current.seq !== seq) kept.current = { seq, units: push ? attached(push) : new Map() };

  const ask = async (panel: number, unit: number) => {
    const here = kept.current;
    const name = `${panel}:${unit}`;
    if (!push || here.units.has(name)) return;
    here.units.set(name, null);
    const reply = await latest.send<ExactReply>("values", { panel, unit });
    if (here !== kept.current) return;
    if (!reply || !belongs(reply.value, push.value, panel)) {
      here.units.delete(name);
      return;
    }
    const { height, width } = reply.value;
    here.units.set(name, { height, width, values: floats(reply.buffers[0]) });
    redraw((n) => n + 1);
  };
  return (panel) => ({
    get: (unit) => kept.current.units.get(`${panel}:${unit}`) ?? null,
    ask: (unit) => void ask(panel, unit),
  });
}

/** Exact values may come along with their frame: a vector's, and those of small pictures, unit after unit. */
export function attached(push: Push<Frame>): Map<string, Exact | null> {
  const found = new Map<string, Exact | null>();
  push.value.panels.forEach(({ exact, picture }, panel) => {
    if (exact === null || exact === undefined) return;
    const values = floats(push.buffers[exact]);
    const [, height, width] = picture.tiles;
    const alone = picture.kind === "vector" || !picture.axes[0];
    const area = alone ? values.length : height * width;
    for (let unit = 0; area && (unit + 1) * area <= values.length; unit++) {
      const own = values.subarray(unit * area, (unit + 1) * area);
      const size = picture.kind === "vector" ? { height: 1, width: values.length } : { height, width };
      found.set(`${panel}:${unit}`, { ...size, values: own });
    }
  });
  return found;
}

function belongs(reply: ExactReply, frame: Frame, panel: number): boolean {
  const same = <T>(a: T | undefined, b: T | undefined) => a === undefined || b === undefined || a === b;
  const { step, sample } = frame.panels[panel] ?? frame;
  return same(reply.layer, frame.layer) && same(reply.step, step) && same(reply.sample, sample);
}

/** Asks for a unit's exact values whenever it is pointed at, also after the frame has changed under the pointer. */
export function useAsk(exact: ExactUnits, unit: number | null, seq: number): void {
  useLayoutEffect(() => {
    if (unit !== null) exact.ask(unit);
  }, [unit, seq]);
}

/** The exact value at a place of a tile, whose elements may stand for several of the tensor's. */
export function valueAt(exact: Exact, row: number, column: number, tile: { height: number; width: number }) {
  const y = Math.floor(((row + 0.5) / tile.height) * exact.height);
  const x = Math.floor(((column + 0.5) / tile.width) * exact.width);
  return { row: y, column: x, value: exact.values[y * exact.width + x] ?? Number.NaN };
}
