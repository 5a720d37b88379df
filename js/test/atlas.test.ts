import { describe, expect, it } from "vitest";
import { hitAtlas, layoutAtlas, rowsBetween, tilePlace } from "../src/shared/atlas";
import { lut, PALETTE, pack } from "../src/shared/colour";
import { blit, type Pixels, reduceTile, renderRows } from "../src/shared/pixels";

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
    expect([...reduceTile(codes, { width: 4, height: 2 }, 2, 2)]).toEqual([100, 255]);
    expect([...reduceTile(Uint8Array.of(10, 20, 30), { width: 3, height: 1 }, 2, 2)]).toEqual([15, 30]);
    expect([...reduceTile(Uint8Array.of(10, 20, 30), { width: 3, height: 1 }, 2, 2, true)]).toEqual([10, 30]);
  });
});

describe("an atlas that scrolls", () => {
  const atlas = layoutAtlas({ ...room, count: 2048, height: 7, width: 7 });
  const pitch = atlas.tileHeight + atlas.gap;

  it("has only the rows in view, and one more at either end", () => {
    expect(atlas.canvasHeight).toBeGreaterThan(1000);
    expect(rowsBetween(atlas, 0, 276)).toEqual({ first: 0, last: Math.ceil(276 / pitch) + 1 });
    const { first, last } = rowsBetween(atlas, 1000, 1276);
    expect(first * pitch).toBeLessThanOrEqual(1000);
    expect(last * pitch).toBeGreaterThanOrEqual(1276);
    expect(last - first).toBeLessThan(12);
    expect(rowsBetween(atlas, 1e6, 2e6).last).toBe(Math.max(rowsBetween(atlas, 1e6, 2e6).first, atlas.rows));
  });

  it("paints a value of a row far down where it lies in the window", () => {
    const codes = Uint8Array.from({ length: 2048 * 49 }, (_, i) => (i * 7) % 251);
    const rows = rowsBetween(atlas, 1000, 1276);
    const pixels = renderRows(atlas, codes, { height: 7, width: 7 }, lut(true), rows);
    expect(pixels.height).toBeLessThan(500);
    const tile = (rows.first + 2) * atlas.columns + 3;
    const x = 3 * (atlas.tileWidth + atlas.gap) + 4 * atlas.scale;
    const y = 2 * pitch + 5 * atlas.scale;
    const code = codes[tile * 49 + 5 * 7 + 4] ?? 0;
    expect(pixels.rgba[y * pixels.width + x]).toBe(pack(lut(true)[code] ?? [0, 0, 0]));
  });
});

describe("pixels", () => {
  const empty = (width: number, height: number): Pixels => ({ width, height, rgba: new Uint32Array(width * height) });
  const scale = (x: number, y: number) => ({ x, y, reduceX: 1, reduceY: 1 });

  it("are blocks of one colour an element, and nothing beside the tile", () => {
    const pixels = empty(7, 5);
    blit(pixels, 1, 1, Uint8Array.of(0, 250, 253, 255), { width: 2, height: 2 }, lut(false), scale(3, 2));
    const at = (x: number, y: number) => pixels.rgba[y * 7 + x];
    expect([at(0, 1), at(1, 0)]).toEqual([0, 0]);
    expect([at(1, 1), at(3, 2)]).toEqual([pack([247, 247, 247]), pack([247, 247, 247])]);
    expect(at(6, 2)).toBe(pack([46, 18, 82]));
    expect([at(1, 3), at(4, 4)]).toEqual([pack([0, 190, 214]), pack([255, 214, 10])]);
  });

  it("average blocks of values, never labels", () => {
    const [mean, first] = [empty(1, 1), empty(1, 1)];
    const half = { x: 1, y: 1, reduceX: 2, reduceY: 1 };
    blit(mean, 0, 0, Uint8Array.of(0, 250), { width: 2, height: 1 }, lut(true), half);
    blit(first, 0, 0, Uint8Array.of(3, 1), { width: 2, height: 1 }, PALETTE, half);
    expect(mean.rgba[0]).toBe(pack(lut(true)[125] ?? [0, 0, 0]));
    expect(first.rgba[0]).toBe(pack(PALETTE[3] ?? [0, 0, 0]));
  });
});
