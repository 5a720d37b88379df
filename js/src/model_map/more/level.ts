import type { GraphEdge, GraphNode, Point, Size } from "../graph/types";
import { type Arrangement, arrange } from "./arrange";
import type { Family, Step } from "./family";

/** One box's inside, in its own px. */
export interface Level extends Size {
  boxes: ReadonlyMap<string, Point & Size>;
  /** steps at this level (`wayOf`) → the way of their lines */
  ways: ReadonlyMap<string, Point[]>;
}

/** A step between two of a level's points: the children are "b0", "b1", …, the ports "i0", … and "o0", …. */
export interface Wire {
  v: string;
  w: string;
}

/** Names a step among those of its level: what one tensor brings to one place shares a way. */
export function wayOf({ source }: GraphEdge, { from, to }: Step): string {
  return JSON.stringify([source, from, to]);
}

/** Lays the children of a box out, or finds the same layout among those `known`: a network is much the same blocks. */
export function layLevel(
  family: Family,
  parent: string | null,
  sizeOf: (node: GraphNode) => Size,
  known: Map<string, Arrangement>,
): Level {
  const keys = family.children(parent);
  const sizes = keys.map((key) => sizeOf(family.node(key)));
  const wires = wiresOf(family, parent, keys);
  const signature = JSON.stringify([sizes, [...wires.values()]]);
  const found = known.get(signature) ?? arrange(sizes, [...wires.values()]);
  known.set(signature, found);
  const { width, height, boxes, ways } = found;
  return {
    ...{ width, height },
    boxes: new Map(boxes.map((box, i) => [keys[i] ?? "", box])),
    ways: new Map([...wires.keys()].map((name, i) => [name, ways[i] ?? []])),
  };
}

function wiresOf(family: Family, parent: string | null, keys: readonly string[]): Map<string, Wire> {
  const child = new Map(keys.map((key, i) => [key, `b${i}`]));
  const ports = new Map<string, number>();
  /** a tensor crosses the edge of a box at one place, however many nodes it goes to */
  const port = (source: string) => {
    if (!ports.has(source)) ports.set(source, ports.size);
    return ports.get(source);
  };
  const wires = new Map<string, Wire>();
  for (const { edge, step } of family.crossing(parent)) {
    const v = step.from === null ? `i${port(edge.source)}` : child.get(step.from);
    const w = step.to === null ? `o${port(edge.source)}` : child.get(step.to);
    if (v && w) wires.set(wayOf(edge, step), { v, w });
  }
  return wires;
}
