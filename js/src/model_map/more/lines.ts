import type { GraphEdge, Line, Point } from "../graph/types";
import type { Family } from "./family";
import { type Level, wayOf } from "./level";

/** The lines of all edges; several tensors from one node to another share one. */
export function linesOf(
  family: Family,
  levels: ReadonlyMap<string | null, Level>,
  insides: ReadonlyMap<string | null, Point>,
): Line[] {
  const skips = skipsOf(family.edges);
  const lines = new Map<string, Line>();
  for (const edge of family.edges) {
    const { source, target, shape, leaf } = edge;
    const name = JSON.stringify([source, target]);
    const said = [leaf, shape].filter(Boolean).join(" ");
    const line = lines.get(name);
    if (line) line.shapes.push(said);
    else {
      const route = family.route(edge);
      const ways = route.map((step) => {
        const way = levels.get(step.level)?.ways.get(wayOf(edge, step)) ?? [];
        return moved(way, insides.get(step.level) ?? { x: 0, y: 0 });
      });
      const turn = route.findIndex((step) => step.from !== null && step.to !== null);
      const points = tidy(joined(ways, turn));
      if (points.length) lines.set(name, { source, target, points, skip: skips.has(edge), shapes: [said] });
    }
  }
  return [...lines.values()];
}

function moved(way: readonly Point[], by: Point): Point[] {
  return way.map(({ x, y }) => ({ x: x + by.x, y: y + by.y }));
}

/** One way through all levels; `turn` is the outermost one, on which it begins and ends where the ports inside are. */
function joined(ways: readonly Point[][], turn: number): Point[] {
  const at = (way: Point[], i: number): Point[] => {
    const [before, after] = [ways[i - 1]?.at(-1), ways[i + 1]?.[0]];
    const [start, end] = [way[0], way.at(-1)];
    if (start && before && i <= turn) start.x = before.x;
    if (end && after && i >= turn) end.x = after.x;
    return way;
  };
  return ways.flatMap(at);
}

/** Points that add nothing are left out: most lines are straight. */
function tidy(points: readonly Point[]): Point[] {
  return points.filter(({ x }, i) => {
    const [before, after] = [points[i - 1], points[i + 1]];
    return !before || !after || Math.abs(before.x - x) > 0.01 || Math.abs(after.x - x) > 0.01;
  });
}

/** The edges beside which a longer way leads from their source to their target. */
export function skipsOf(edges: readonly GraphEdge[]): Set<GraphEdge> {
  const after = new Map<string, Set<string>>();
  const before = new Map<string, number>();
  for (const { source, target } of edges) {
    const targets = after.get(source) ?? new Set();
    after.set(source, targets);
    if (!targets.has(target)) before.set(target, (before.get(target) ?? 0) + 1);
    targets.add(target);
  }
  const rank = ranks(after, before);
  const step = ({ source, target }: GraphEdge) => (rank.get(target) ?? 0) - (rank.get(source) ?? 0);
  return new Set(edges.filter((edge) => step(edge) > 1 && isBeside(edge, after, rank)));
}

/** The longest way to each node. */
function ranks(after: ReadonlyMap<string, Set<string>>, before: Map<string, number>): Map<string, number> {
  const rank = new Map<string, number>();
  const ready = [...after.keys()].filter((key) => !before.get(key));
  for (const key of ready) {
    for (const target of after.get(key) ?? []) {
      rank.set(target, Math.max(rank.get(target) ?? 0, (rank.get(key) ?? 0) + 1));
      before.set(target, (before.get(target) ?? 1) - 1);
      if (!before.get(target)) ready.push(target);
    }
  }
  return rank;
}

function isBeside(
  edge: GraphEdge,
  after: ReadonlyMap<string, Set<string>>,
  rank: ReadonlyMap<string, number>,
): boolean {
  const end = rank.get(edge.target) ?? 0;
  const seen = new Set<string>([edge.source]);
  const open = [...(after.get(edge.source) ?? [])].filter((key) => key !== edge.target);
  for (const key of open) {
    if (key === edge.target) return true;
    if (seen.has(key) || (rank.get(key) ?? 0) > end) continue;
    seen.add(key);
    open.push(...(after.get(key) ?? []));
  }
  return false;
}
