import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useLatest } from "../shared/hooks";
import { floats, type Link, type Push } from "../shared/wire";
import type { Frame } from "./frame";

export interface Exact {
  height: number;
  width: number;
  values: Float32Array;
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
export function useExact(link: Link, push: Push<Frame> | null) {
  const latest = useLatest(link);
  const kept = useRef({ seq: -1, units: new Map<number, Exact | null>() });
  const [, redraw] = useState(0);
  const seq = push?.seq ?? -1;
  if (kept.current.seq !== seq) kept.current = { seq, units: attached(push) };

  const ask = async (unit: number) => {
    const here = kept.current;
    if (!push || here.units.has(unit)) return;
    here.units.set(unit, null);
    const reply = await latest.send<ExactReply>("values", { unit });
    if (here !== kept.current) return;
    if (!reply || !belongs(reply.value, push.value)) {
      here.units.delete(unit);
      return;
    }
    const { height, width } = reply.value;
    here.units.set(unit, { height, width, values: floats(reply.buffers[0]) });
    redraw((n) => n + 1);
  };
  return { get: (unit: number) => kept.current.units.get(unit) ?? null, ask };
}

/** A vector's exact values may come along with its frame. */
function attached(push: Push<Frame> | null): Map<number, Exact> {
  const values = floats(push?.buffers[1]);
  return new Map(values.length ? [[0, { height: 1, width: values.length, values }]] : []);
}

function belongs(reply: ExactReply, frame: Frame): boolean {
  const same = <T>(a: T | undefined, b: T) => a === undefined || a === b;
  return same(reply.layer, frame.layer) && same(reply.step, frame.step) && same(reply.sample, frame.sample);
}

/** Asks for a unit's exact values whenever it is pointed at, also after the frame has changed under the pointer. */
export function useAsk(exact: { ask(unit: number): void }, unit: number | null, seq: number): void {
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
