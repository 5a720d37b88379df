import { Graph, layout } from "@dagrejs/dagre";
import type { Point, Size } from "../graph/types";
import type { Wire } from "./level";

/** Where dagre puts boxes of these sizes and the wires between them, in their order. */
export interface Arrangement extends Size {
  boxes: (Point & Size)[];
  ways: Point[][];
}

const GAP = { nodesep: 22, edgesep: 14, ranksep: 30 };
/** dagre's best ranks cost more than they give where a box has so many children. */
const MANY = 250;
const isEntry = (name: string) => name.startsWith("i");
const isExit = (name: string) => name.startsWith("o");

export function arrange(sizes: readonly Size[], wires: readonly Wire[]): Arrangement {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({ ...GAP, ranker: sizes.length > MANY ? "tight-tree" : "network-simplex" });
  for (const [i, { width, height }] of sizes.entries()) graph.setNode(`b${i}`, { width, height });
  for (const name of wires.flatMap(({ v, w }) => [v, w])) {
    if (!graph.hasNode(name)) graph.setNode(name, { width: 1, height: 0 });
  }
  for (const [i, { v, w }] of wires.entries()) graph.setEdge({ v, w, name: String(i) }, { weight: 1, minlen: 1 });
  holdPorts(graph);
  layout(graph);
  return read(graph, sizes, wires);
}

/** Ports stay at the top and the bottom, also where their tensor goes to or comes from the far end only. */
function holdPorts(graph: Graph): void {
  const names = graph.nodes() as string[];
  const [entries, exits] = [names.filter(isEntry), names.filter(isExit)];
  const inner = names.filter((name) => name.startsWith("b"));
  const first = inner.filter((name) => (graph.predecessors(name) ?? []).every(isEntry));
  const last = inner.filter((name) => (graph.successors(name) ?? []).every(isExit));
  const hold = (v: string, w: string) => {
    if (!(graph.outEdges(v, w) ?? []).length) graph.setEdge({ v, w, name: "held" }, { weight: 0, minlen: 1 });
  };
  for (const port of entries) for (const name of first) hold(port, name);
  for (const port of exits) for (const name of last) hold(name, port);
}

function read(graph: Graph, sizes: readonly Size[], wires: readonly Wire[]): Arrangement {
  const { width = 0, height = 0 } = graph.graph() as Partial<Size>;
  const at = (name: string) => graph.node(name) as Point & Size;
  const boxes = sizes.map((size, i) => {
    const { x, y } = at(`b${i}`);
    return { ...size, x: x - size.width / 2, y: y - size.height / 2 };
  });
  const bands = bandsOf(boxes);
  const ways = wires.map(({ v, w }, i) => {
    const { points = [] } = graph.edge({ v, w, name: String(i) }) as { points?: Point[] };
    const [from, to] = [at(v), at(w)];
    const start = { x: from.x, y: isEntry(v) ? 0 : from.y + from.height / 2 };
    const end = { x: to.x, y: isExit(w) ? height : to.y - to.height / 2 };
    return [start, ...points.slice(1, -1).flatMap((point) => pastBand(point, bands)), end];
  });
  return { width, height, boxes, ways };
}

interface Band {
  middle: number;
  top: number;
  bottom: number;
}

/** The ranks in their full height: the boxes of one rank share their middle. */
function bandsOf(boxes: readonly (Point & Size)[]): Band[] {
  const bands = new Map<number, Band>();
  for (const { y, height } of boxes) {
    const middle = Math.round(y + height / 2);
    const band = bands.get(middle) ?? { middle, top: y, bottom: y + height };
    bands.set(middle, { middle, top: Math.min(band.top, y), bottom: Math.max(band.bottom, y + height) });
  }
  return [...bands.values()];
}

/** A line passes a rank straight, however tall its boxes are: it may bend in the gaps only. */
export function pastBand({ x, y }: Point, bands: readonly Band[]): Point[] {
  const band = bands.find(({ middle }) => Math.abs(middle - y) <= 1);
  return band ? [band.top, band.bottom].map((edge) => ({ x, y: edge })) : [{ x, y }];
}
