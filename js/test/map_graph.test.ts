import { describe, expect, it } from "vitest";
import { areaFor, begun, fitted, shiftBetween, showing, zoomed } from "../src/model_map/graph/camera";
import { moved } from "../src/model_map/graph/moves";
import { pathOf } from "../src/model_map/graph/scene";
import { layOut } from "../src/model_map/more/layout";
import { plainColour } from "../src/model_map/save";
import { closed, edge, node, residual } from "./map_nets";

const size = () => ({ width: 80, height: 30 });
const view = { width: 300, height: 400 };

describe("the camera", () => {
  it("fits the whole into the window, and begins at a size that can be read", () => {
    const long = { width: 100, height: 4000 };
    const whole = fitted(long, view);
    expect(whole.k * long.height).toBeCloseTo(400 - 28);
    expect(whole.x + whole.k * 50).toBeCloseTo(150);
    expect(begun(long, view)).toMatchObject({ k: 1, y: 14 });
    expect(fitted({ width: 10, height: 10 }, view).k).toBe(1);
  });

  it("zooms about the pointer, within limits", () => {
    const next = zoomed({ k: 1, x: 10, y: 20 }, 2, { x: 110, y: 120 });
    expect(next).toEqual({ k: 2, x: -90, y: -80 });
    expect(zoomed({ k: 2.9, x: 0, y: 0 }, 9, { x: 0, y: 0 }).k).toBe(3);
  });

  it("moves as little as shows a box", () => {
    const camera = { k: 1, x: 0, y: 0 };
    expect(showing(camera, { x: 50, y: 60, width: 80, height: 30 }, view)).toEqual(camera);
    expect(showing(camera, { x: 50, y: 600, width: 80, height: 30 }, view)).toEqual({ k: 1, x: 0, y: 400 - 14 - 630 });
  });

  it("draws more than is in sight, and the same until that is left", () => {
    const area = areaFor({ k: 1, x: 0, y: 0 }, view, null);
    expect(area).toMatchObject({ x: -180, width: 660, detail: "all" });
    expect(areaFor({ k: 1, x: -100, y: 0 }, view, area)).toBe(area);
    expect(areaFor({ k: 1, x: -500, y: 0 }, view, area)).not.toBe(area);
    expect(areaFor({ k: 0.3, x: 0, y: 0 }, view, area).detail).toBe("names");
    expect(areaFor({ k: 0.1, x: 0, y: 0 }, view, area).detail).toBe("boxes");
  });

  it("keeps the box that was opened where it was", () => {
    const [before, after] = [layOut(closed(), size), layOut(residual(), size)];
    const camera = { k: 1, x: 0, y: 0 };
    const top = (layout: typeof before) => {
      const box = layout.boxes.find(({ key }) => key === "block");
      return box ? { x: box.x + box.width / 2, y: box.y } : { x: 0, y: 0 };
    };
    const shift = shiftBetween(before, after, camera, view, "block");
    expect(shift?.x).toBeCloseTo(top(after).x - top(before).x);
    expect(shift?.y).toBeCloseTo(top(after).y - top(before).y);
  });
});

describe("the arrow keys in the graph", () => {
  const drawn = residual();
  const scene = { drawn, layout: layOut(drawn, size) };

  it("go along the edges, and into an open box", () => {
    expect(moved(scene, "block.a", "ArrowDown")).toBe("block.b");
    expect(moved(scene, "block/add", "ArrowUp")).toBe("block.b");
    expect(moved(scene, "block", "ArrowDown")).toBe("block.a");
    expect(moved(scene, "block/add", "ArrowDown")).toBe("out");
    expect(moved(scene, "out", "ArrowDown")).toBe("out");
  });

  it("go to what stands beside, and out of the box where nothing does", () => {
    const fork = { nodes: [node("a"), node("b"), node("c")], edges: [edge("a", "b"), edge("a", "c")] };
    const wide = { drawn: fork, layout: layOut(fork, size) };
    const [left, right] = wide.layout.boxes.filter(({ key }) => key !== "a").sort((x, y) => x.x - y.x);
    expect(moved(wide, left?.key ?? "", "ArrowRight")).toBe(right?.key);
    expect(moved(wide, right?.key ?? "", "ArrowLeft")).toBe(left?.key);
    expect(moved(scene, "block.b", "ArrowLeft")).toBe("block");
  });
});

describe("what is drawn", () => {
  it("is straight where it can be and enters downwards", () => {
    expect(
      pathOf([
        { x: 1, y: 0 },
        { x: 1, y: 30 },
      ]),
    ).toBe("M1,0V30");
    expect(
      pathOf([
        { x: 0, y: 0 },
        { x: 10, y: 20 },
      ]),
    ).toBe("M0,0C0,10 10,10 10,20");
  });

  it("is saved in colours that other programs know", () => {
    expect(plainColour("color(srgb 0.2 0.4 1 / 0.5)")).toBe("rgba(51, 102, 255, 0.5)");
    expect(plainColour("color(srgb 1 0 0)")).toBe("rgb(255, 0, 0)");
    expect(plainColour("rgb(1, 2, 3)")).toBe("rgb(1, 2, 3)");
  });
});
