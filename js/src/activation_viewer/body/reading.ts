import { decode } from "../../shared/colour";
import { number } from "../../shared/format";
import { valueAt } from "../exact";
import { limitsOf, unitOf } from "../picture";
import type { Cell, PanelProps } from "./props";

export interface Reading {
  row: number;
  column: number;
  value: number;
  /** only what the colour says, until the exact value is here */
  about: boolean;
}

type Given = Pick<PanelProps, "picture" | "codes" | "units">;

/** The value at a place of a tile, counted in the tensor's rows and columns. */
export function read({ picture, codes, units }: Given, tile: number, { row, column }: Cell): Reading {
  const [, height, width] = picture.tiles;
  const exact = units.get(unitOf(picture, tile));
  if (exact) return { ...valueAt(exact, row, column, { height, width }), about: false };
  const code = codes[(tile * height + row) * width + column] ?? 0;
  const { lo, hi } = limitsOf(picture, tile);
  return { row, column, value: picture.kind === "labels" ? code : decode(code, lo, hi), about: true };
}

/** (3, 5) = 1.2417, or ≈ from the colour code; of a mask (3, 5) = 7 dog */
export function written(given: Given & Pick<PanelProps, "push">, tile: number, at: Cell): string {
  const { row, column, value, about } = read(given, tile, at);
  const { picture, push } = given;
  if (picture.kind === "labels") return `(${row}, ${column}) = ${value} ${push.value.classes?.[value] ?? ""}`.trimEnd();
  return about ? `(${row}, ${column}) ≈ ${number(value, 2)}` : `(${row}, ${column}) = ${number(value, 5)}`;
}
