// The part of a widget's JavaScript that is not needed for the first picture: asked of the kernel, once a model. So the
// bundle that every notebook is saved with stays small (design.md §8).
import { bytes, type Link } from "./wire";

const TOPIC = "part";
const parts = new WeakMap<Link, Promise<unknown>>();
const codes = new WeakMap<Link, DataView[]>();

/** The exports of the widget's second bundle; null where neither the kernel nor the notebook gives it. */
export function loadPart<P>(link: Link, load: (code: Uint8Array) => Promise<P> = imported): Promise<P | null> {
  const known = parts.get(link) as Promise<P | null> | undefined;
  if (known) return known;
  const found = code(link).then((buffers) => (buffers ? load(bytes(buffers[0])) : null));
  parts.set(link, found);
  return found;
}

/** Has the bundle saved with the notebook while what is on show is drawn by it: a saved page has no kernel to ask. */
export function savePart(link: Link, needed: boolean): void {
  const buffers = codes.get(link);
  if (buffers) link.keep(TOPIC, needed ? buffers : null);
}

async function code(link: Link): Promise<DataView[] | null> {
  const buffers = link.newest(TOPIC)?.buffers ?? (await link.request(TOPIC))?.buffers ?? null;
  if (buffers) codes.set(link, buffers);
  return buffers;
}

async function imported<P>(code: Uint8Array): Promise<P> {
  const address = URL.createObjectURL(new Blob([code.slice()], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ address)) as P;
  } finally {
    URL.revokeObjectURL(address);
  }
}
