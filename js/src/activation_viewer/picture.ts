// Small readings of a picture.
import { GREY, type Lut, lut, PALETTE } from "../shared/colour";
import { bytes, type Push } from "../shared/wire";
import type { Frame, Panel, Picture } from "./frame";

/** The unit that a tile shows. */
export function unitOf(picture: Picture, tile: number): number {
  return picture.order?.[tile] ?? tile;
}

/** The tile that shows a unit; the first where the unit is not on show. */
export function tileOf(picture: Picture, unit: number | null): number {
  if (unit === null) return 0;
  const tile = picture.order ? picture.order.indexOf(unit) : unit;
  return tile >= 0 && tile < picture.tiles[0] ? tile : 0;
}

export function unitWord(picture: Picture): string {
  return picture.axes[0] || "unit";
}

/** channel 11, or slice [2, 5] where the units run over several dimensions */
export function unitName(picture: Picture, unit: number): string {
  const at = unravel(unit, picture.lead);
  return `${unitWord(picture)} ${at.length > 1 ? `[${at.join(", ")}]` : unit}`;
}

/** The indices of a flat index along dimensions in C order. */
export function unravel(index: number, sizes: number[]): number[] {
  let rest = index;
  return [...sizes]
    .reverse()
    .map((size) => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .reverse();
}

/** The colour of each code. */
export function colours(picture: Picture): Lut {
  if (picture.kind === "labels") return PALETTE;
  return picture.kind === "image" ? GREY : lut(picture.diverging);
}

/** The colour limits of a tile. */
export function limitsOf(picture: Picture, tile: number): { lo: number; hi: number } {
  return { lo: picture.unit_lo?.[tile] ?? picture.lo, hi: picture.unit_hi?.[tile] ?? picture.hi };
}

export function codesOf(push: Push<Frame>, panel: Panel): Uint8Array {
  return bytes(push.buffers[panel.codes]);
}

/** The codes of one tile. */
export function tileCodes(picture: Picture, codes: Uint8Array, tile: number): Uint8Array {
  const area = picture.tiles[1] * picture.tiles[2];
  return codes.subarray(tile * area, (tile + 1) * area);
}

/** Numbers in a row, also of one unit over time. */
export function inBars({ kind, tiles: [count, , width] }: Picture): boolean {
  return kind === "vector" || (kind === "sequence" && count === 1 && width === 1);
}

/** The kinds that a tensor of this shape and dtype can be shown as (look/picturing/kinds.py says the same). */
export function fitting({ shape, dtype }: Picture): Picture["kind"][] {
  const n = shape.length;
  const colours = [shape[0], shape.at(-1)].some((size) => size === 1 || size === 3);
  const fits: [Picture["kind"], boolean][] = [
    ["maps", n >= 2],
    ["image", n === 2 || (n === 3 && colours)],
    ["volume", n >= 3],
    ["vector", n >= 1],
    ["tokens", n >= 2],
    ["attention", n >= 2],
    ["sequence", n >= 2],
    ["labels", n >= 1 && /^(bool|u?int)/.test(dtype)],
    ["boxes", n === 2 && shape[1] === 4],
    ["matrix", n >= 2],
    ["text", true],
  ];
  return fits.filter(([, fit]) => fit).map(([kind]) => kind);
}
