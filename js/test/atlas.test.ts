import { describe, expect, it } from "vitest";
import { hitAtlas, layoutAtlas, reduceTile, tilePlace } from "../src/shared/atlas";

const room = { room: 548, limit: 276, ratio: 1 };

describe("atlas", () => {
  it("places 32 channels of 8×8 as the mock does: eight columns, whole pixels an element", () => {
    const atlas = layoutAtlas({ ...room, count: 32, height: 8, width: 8 });
    expect(atlas).toMatchObject({ columns: 8, rows: 4, scale: 8, reduce: 1, tileWidth: 64, gap: 5 });
    expect(atlas.canvasWidth).toBeLessThanOrEqual(548);
  });

  it("counts in device pixels on a fine screen", () => {
    const atlas = layoutAtlas({ ...room, ratio: 2, count: 32, height: 8, width: 8 });
    expect(atlas).toMatchObject({ columns: 8, tileWidth: 128, gap: 10 });
  });

  it.each([
    [1, 50, 192],
    [3, 5, 90],
    [64, 112, 112],
    [512, 7, 7],
    [2048, 1, 1],
    [5, 1, 300],
    [1, 1000, 1000],
  ])("keeps %i tiles of %i×%i apart and within the width", (count, height, width) => {
    const atlas = layoutAtlas({ ...room, count, height, width });
    expect(atlas.columns * atlas.rows).toBeGreaterThanOrEqual(count);
    expect(atlas.canvasWidth).toBeLessThanOrEqual(548);
    const last = tilePlace(atlas, count - 1);
    expect(last.x + atlas.tileWidth).toBeLessThanOrEqual(atlas.canvasWidth);
    expect(last.y + atlas.tileHeight).toBe(atlas.canvasHeight);
    expect(Number.isInteger(atlas.scale) && atlas.scale >= 1).toBe(true);
  });

  it("averages maps that are too large to be seen side by side", () => {
    const atlas = layoutAtlas({ ...room, count: 64, height: 112, width: 112 });
    expect(atlas.reduce).toBeGreaterThan(1);
    expect(atlas.canvasHeight).toBeLessThanOrEqual(276);
  });

  it("finds the element under a pixel and nothing on a gap", () => {
    const atlas = layoutAtlas({ ...room, count: 32, height: 8, width: 8 });
    expect(hitAtlas(atlas, 69 * 3 + 8 * 5, 69 + 8 * 2 + 7)).toEqual({ tile: 11, row: 2, column: 5 });
    expect(hitAtlas(atlas, 66, 10)).toBeNull();
    expect(hitAtlas(atlas, -1, 10)).toBeNull();
    expect(hitAtlas({ ...atlas, count: 31 }, 69 * 7 + 1, 69 * 3 + 1)).toBeNull();
  });

  it("averages blocks, and lets no NaN vanish in one", () => {
    const codes = Uint8Array.of(0, 100, 50, 50, 100, 200, 50, 255);
    expect([...reduceTile(codes, 4, 2, 2)]).toEqual([100, 255]);
    expect([...reduceTile(Uint8Array.of(10, 20, 30), 3, 1, 2)]).toEqual([15, 30]);
    expect([...reduceTile(Uint8Array.of(10, 20, 30), 3, 1, 2, true)]).toEqual([10, 30]);
  });
});
