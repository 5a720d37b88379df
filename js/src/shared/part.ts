// The part of a widget's JavaScript that is not needed for the first picture: asked of the kernel, once a model. So the
// bundle that every notebook is saved with stays small (design.md §8).
import { bytes, type Link } from "./wire";

const parts = new WeakMap<Link, Promise<unknown>>();

/** The exports of the widget's second bundle; null where the kernel does not give it. */
export function loadPart<P>(link: Link, load = imported): Promise<P | null> {
  const known = parts.get(link) as Promise<P | null> | undefined;
  if (known) return known;
  const found = link.request("part").then((reply) => (reply ? load<P>(bytes(reply.buffers[0])) : null));
  parts.set(link, found);
  return found;
}

async function imported<P>(code: Uint8Array): Promise<P> {
  const address = URL.createObjectURL(new Blob([code.slice()], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ address)) as P;
  } finally {
    URL.revokeObjectURL(address);
  }
}
