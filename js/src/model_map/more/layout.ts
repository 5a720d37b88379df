// Every open box is laid out by itself, inner ones first, so that opening one leaves the others as they are and the work
// grows with what is on show. A tensor that enters or leaves a box does so at a port on the box's edge.
import type { Box, Drawn, GraphNode, Layout, Point, Size } from "../graph/types";
import { HEADER, PADDING } from "../graph/types";
import type { Arrangement } from "./arrange";
import { Family } from "./family";
import { type Level, layLevel } from "./level";
import { linesOf } from "./lines";

/** What of a level decides its layout → the layout: most are the same as in the layout before. */
const known = new Map<string, Arrangement>();
const MOST_KNOWN = 2000;

/** Places the boxes and lines of what is on show; `sizeOf` a closed box. */
export function layOut(drawn: Drawn, sizeOf: (node: GraphNode) => Size): Layout {
  const family = new Family(drawn);
  const levels = new Map<string | null, Level>();
  const inside = (parent: string | null): Level => {
    const size = (node: GraphNode) => (family.isOpen(node.key) ? around(inside(node.key), sizeOf(node)) : sizeOf(node));
    const level = layLevel(family, parent, size, known);
    levels.set(parent, level);
    return level;
  };
  if (known.size > MOST_KNOWN) known.clear();
  const { width, height } = inside(null);
  const { boxes, insides } = placed(family, levels);
  return { width, height, boxes, lines: linesOf(family, levels, insides) };
}

/** Room for what is inside, and for the name above it. */
function around(inside: Size, name: Size): Size {
  return { width: Math.max(inside.width + 2 * PADDING, name.width), height: inside.height + HEADER + PADDING };
}

/** The boxes, and where in them their levels begin. */
function placed(family: Family, levels: ReadonlyMap<string | null, Level>) {
  const boxes: Box[] = [];
  const insides = new Map<string | null, Point>([[null, { x: 0, y: 0 }]]);
  const visit = (parent: string | null, depth: number) => {
    const level = levels.get(parent);
    const at = insides.get(parent) ?? { x: 0, y: 0 };
    for (const key of family.children(parent)) {
      const box = level?.boxes.get(key);
      if (!box) continue;
      const place = { ...box, x: at.x + box.x, y: at.y + box.y };
      boxes.push({ key, ...place, depth });
      const inner = levels.get(key);
      if (!inner) continue;
      insides.set(key, { x: place.x + (place.width - inner.width) / 2, y: place.y + HEADER });
      visit(key, depth + 1);
    }
  };
  visit(null, 0);
  return { boxes, insides };
}
