import { describe, expect, it } from "vitest";
import type { Box, Drawn, Layout } from "../src/model_map/graph/types";
import { pastBand } from "../src/model_map/more/arrange";
import { layOut } from "../src/model_map/more/layout";
import { skipsOf } from "../src/model_map/more/lines";
import { closed, edge, node, residual } from "./map_nets";

const size = () => ({ width: 80, height: 30 });

function box(layout: Layout, key: string): Box {
  const found = layout.boxes.find((each) => each.key === key);
  if (!found) throw new Error(`no box ${key}`);
  return found;
}

function inside(inner: Box, outer: Box): boolean {
  const right = inner.x + inner.width <= outer.x + outer.width;
  const bottom = inner.y + inner.height <= outer.y + outer.height;
  return inner.x >= outer.x && inner.y >= outer.y && right && bottom;
}

describe("the layout of the graph", () => {
  const layout = layOut(residual(), size);

  it("puts what is in an open box into it, below one another along the edges", () => {
    const block = box(layout, "block");
    const [a, b, add] = ["block.a", "block.b", "block/add"].map((key) => box(layout, key)) as [Box, Box, Box];
    for (const child of [a, b, add]) expect(inside(child, block)).toBe(true);
    expect([a.depth, block.depth]).toEqual([1, 0]);
    expect(a.y + a.height).toBeLessThan(b.y);
    expect(b.y + b.height).toBeLessThan(add.y);
    expect(box(layout, "input:x").y).toBeLessThan(block.y);
    expect(box(layout, "out").y).toBeGreaterThanOrEqual(block.y + block.height);
  });

  it("leads every line from the foot of its source to the head of its target", () => {
    for (const { source, target, points } of layout.lines) {
      const [from, to] = [box(layout, source), box(layout, target)];
      const [first, last] = [points[0], points.at(-1)];
      expect(first?.y).toBeCloseTo(from.y + from.height);
      expect(first?.x).toBeCloseTo(from.x + from.width / 2);
      expect(last?.y).toBeCloseTo(to.y);
      expect(last?.x).toBeCloseTo(to.x + to.width / 2);
    }
    expect(layout.lines.length).toBe(5);
  });

  it("leads a residual past what it skips, through no box on its way", () => {
    const line = layout.lines.find(({ source, target }) => source === "input:x" && target === "block/add");
    expect(line?.skip).toBe(true);
    expect(line?.shapes).toEqual(["3×3"]);
    for (const key of ["block.a", "block.b"]) {
      const { x, y, width, height } = box(layout, key);
      const through = line?.points.filter((p) => p.x > x && p.x < x + width && p.y >= y && p.y <= y + height);
      expect(through).toEqual([]);
    }
    expect(layout.lines.filter(({ skip }) => skip).length).toBe(1);
  });

  it("bends beside no tall box that it passes, only above and below", () => {
    const inner = ["a", "b", "c", "d"].map((name) => node(`tall.${name}`, "tall"));
    const steps = ["x", "tall.a", "tall.b", "tall.c", "tall.d", "y"];
    const chain = steps.slice(1).map((key, i) => edge(steps[i] ?? "", key));
    const nodes = [node("x"), node("tall", null, { open: true }), ...inner, node("y")];
    const passing = layOut({ nodes, edges: [...chain, edge("x", "y")] }, size);
    const tall = box(passing, "tall");
    const points = passing.lines.find(({ source, target }) => source === "x" && target === "y")?.points ?? [];
    const bent = points.slice(1).filter((to, i) => {
      const from = points[i] ?? to;
      return from.x !== to.x && from.y < tall.y + tall.height - 1 && to.y > tall.y + 1;
    });
    expect(points.length).toBeGreaterThan(3);
    expect(bent).toEqual([]);
    const band = { middle: 50, top: 20, bottom: 80 };
    expect(pastBand({ x: 5, y: 50.4 }, [band])).toEqual([
      { x: 5, y: 20 },
      { x: 5, y: 80 },
    ]);
    expect(pastBand({ x: 5, y: 90 }, [band])).toEqual([{ x: 5, y: 90 }]);
  });

  it("lays out only what is seen, and a closed box no larger than its words", () => {
    const folded = layOut(closed(), size);
    expect(folded.boxes.map(({ key }) => key)).toEqual(["input:x", "block", "out"]);
    expect(box(folded, "block")).toMatchObject({ width: 80, height: 30 });
    expect(folded.lines.some(({ skip }) => skip)).toBe(false);
  });

  it("leaves the inside of a box as it is when another opens", () => {
    const drawn = residual();
    const wider = {
      nodes: [...drawn.nodes, node("tail"), node("tail.x", "tail")],
      edges: [...drawn.edges, edge("out", "tail.x")],
    };
    const next = layOut(wider, size);
    const place = (layout: Layout, key: string) => box(layout, key).y - box(layout, "block").y;
    for (const key of ["block.a", "block.b", "block/add"]) expect(place(next, key)).toBe(place(layout, key));
  });

  it("makes a line of several tensors between two boxes", () => {
    const drawn = { nodes: [node("a"), node("b")], edges: [edge("a", "b", "4"), edge("a", "b", "5")] };
    expect(layOut(drawn, size).lines.map(({ shapes }) => shapes)).toEqual([["4", "5"]]);
  });

  it("lays out blocks of many levels and loops without end", () => {
    const loop: Drawn = { nodes: [node("a"), node("b")], edges: [edge("a", "b"), edge("b", "a"), edge("a", "a")] };
    expect(layOut(loop, size).boxes.length).toBe(2);
    expect(layOut({ nodes: [], edges: [] }, size).boxes).toEqual([]);
  });
});

describe("an edge that skips", () => {
  it("is one beside which a longer way leads", () => {
    const edges = [edge("x", "a"), edge("a", "b"), edge("b", "cat"), edge("x", "cat"), edge("y", "cat")];
    expect([...skipsOf(edges)].map(({ source }) => source)).toEqual(["x"]);
  });
});
