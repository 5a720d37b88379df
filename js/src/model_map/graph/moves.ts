// Where the arrow keys lead from a box: down and up along the edges, left and right to what stands beside it.
import type { Box, Drawn, GraphNode, Layout } from "./types";

export interface Scene {
  drawn: Drawn;
  layout: Layout;
}

function boxesOf({ layout }: Scene): Map<string, Box> {
  return new Map(layout.boxes.map((box) => [box.key, box]));
}

const centre = (box: Box) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });

/** The box that a key leads to, or the same one. */
export function moved(scene: Scene, from: string, key: string): string {
  if (key === "ArrowDown") return along(scene, from, "source", "target");
  if (key === "ArrowUp") return along(scene, from, "target", "source");
  return beside(scene, from, key === "ArrowLeft" ? -1 : 1);
}

/** The nearest at the other end of an edge; from an open box in and out of it again. */
function along(scene: Scene, from: string, near: "source" | "target", far: "source" | "target"): string {
  const boxes = boxesOf(scene);
  const here = boxes.get(from);
  if (!here) return from;
  const inside = scene.drawn.nodes.filter((node) => node.parent === from).map((node) => node.key);
  if (inside.length && near === "source") return inside[0] ?? from;
  const ends = scene.drawn.edges.filter((edge) => edge[near] === from).map((edge) => edge[far]);
  const options = ends.length ? ends : neighbours(scene, from, near);
  const away = (key: string) => {
    const box = boxes.get(key);
    return box ? Math.hypot(centre(box).x - centre(here).x, centre(box).y - centre(here).y) : Number.POSITIVE_INFINITY;
  };
  return options.reduce((best, key) => (away(key) < away(best) ? key : best), options[0] ?? from);
}

/** Of a box without edges of its own: the one drawn before or after it. */
function neighbours({ drawn }: Scene, from: string, near: "source" | "target"): string[] {
  const at = drawn.nodes.findIndex((node) => node.key === from);
  const next = drawn.nodes[near === "source" ? at + 1 : at - 1];
  return next ? [next.key] : [];
}

/** The nearest box to one side that stands in the same box; else the box around it. */
function beside(scene: Scene, from: string, by: -1 | 1): string {
  const boxes = boxesOf(scene);
  const parent = (key: string) => scene.drawn.nodes.find((node: GraphNode) => node.key === key)?.parent ?? null;
  const here = boxes.get(from);
  if (!here) return from;
  const level = scene.drawn.nodes.filter((node) => node.key !== from && node.parent === parent(from));
  const options = level.flatMap(({ key }) => {
    const box = boxes.get(key);
    const dx = box ? (centre(box).x - centre(here).x) * by : 0;
    const overlap = box ? Math.min(box.y + box.height, here.y + here.height) - Math.max(box.y, here.y) : 0;
    return box && dx > 1 && overlap > 0 ? [{ key, dx }] : [];
  });
  options.sort((a, b) => a.dx - b.dx);
  const outer = parent(from);
  return options[0]?.key ?? (by < 0 && outer !== null && boxes.has(outer) ? outer : from);
}
