// The last picture without a kernel: a notebook that was saved, or executed and converted, still shows what was there.
import type { Link, Push } from "./wire";

/** One topic's last push, as it lies in the trait `still` and in the saved notebook. */
export interface Kept {
  topic: string;
  value: Record<string, unknown>;
  buffers: (ArrayBuffer | ArrayBufferView)[];
  /** the push was too large to be kept: nothing of it is here */
  left_out?: boolean;
}

/** Bytes of a widget's pictures in a saved notebook; the same limit is in widgets/base.py. */
export const STILL_BYTES = 192 * 1024;

/** What is kept of the newest pushes: the smaller ones as long as there is room. */
export function kept(pushes: Iterable<Push>): Kept[] {
  const bySize = [...pushes].sort((a, b) => size(a) - size(b));
  let room = STILL_BYTES;
  const found: Kept[] = [];
  for (const push of bySize) {
    room -= size(push);
    if (room < 0) found.push({ topic: push.topic, value: {}, buffers: [], left_out: true });
    else found.push({ topic: push.topic, value: push.value, buffers: push.buffers.map(copied) });
  }
  return found;
}

/** The pushes that a model was saved with; whatever else lies in the trait is passed over. */
export function seeds(still: unknown): Push[] {
  const found = entries(still).filter((each) => typeof each?.topic === "string" && !each.left_out);
  return found.map(({ topic = "", value = {}, buffers = [] }) => ({
    topic,
    value,
    buffers: buffers.map(viewed),
    seq: 0,
  }));
}

function entries(still: unknown): Partial<Kept>[] {
  return Array.isArray(still) ? still : [];
}

function size(push: Push): number {
  return push.buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0);
}

/** A buffer of its own: hosts save the whole of the one that a view looks into. */
function copied(view: DataView): ArrayBuffer {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;
}

function viewed(buffer: ArrayBuffer | ArrayBufferView): DataView {
  if (!ArrayBuffer.isView(buffer)) return new DataView(buffer);
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

const PAUSE = 500;

/** What of a model remembers its pictures. */
interface Memory {
  get(key: "still"): unknown;
  set(key: "still", value: unknown): void;
}

/**
 * Shows the pictures that the model was saved with, and keeps the newest ones in it, in the page alone: hosts save a
 * model's state with the notebook. Nothing of it is sent to the kernel.
 */
export function keepStill(model: Memory, link: Link, signal: AbortSignal | undefined): void {
  const still = model.get("still");
  link.seed(
    seeds(still),
    entries(still).some((each) => each?.left_out),
  );
  let timer: ReturnType<typeof setTimeout> | undefined;
  link.heard(() => {
    clearTimeout(timer);
    timer = setTimeout(() => model.set("still", kept(link.latest)), PAUSE);
  });
  signal?.addEventListener("abort", () => clearTimeout(timer), { once: true });
}
