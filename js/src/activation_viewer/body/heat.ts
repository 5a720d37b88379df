// One tile as a heat map that fills its room: cells need not be square.
import type { Lut } from "../../shared/colour";
import { blit, type Pixels, type Scale, type Size } from "../../shared/pixels";

export interface HeatSpace {
  height: number;
  width: number;
  /** room on the page, CSS px */
  room: number;
  limit: number;
  ratio: number;
  square?: boolean;
}

export interface HeatLayout extends Scale {
  canvasWidth: number;
  canvasHeight: number;
}

/** CSS px: a cell is never longer, and at most so many times as long as it is broad */
const LONGEST = 30;
const LANKIEST = 6;

function along(elements: number, room: number): { scale: number; reduce: number } {
  if (elements <= room) return { scale: Math.max(1, Math.floor(room / elements)), reduce: 1 };
  return { scale: 1, reduce: Math.ceil(elements / Math.max(1, room)) };
}

/** Whole device pixels an element along each axis, or elements averaged into one. */
export function layoutHeat({ height, width, room, limit, ratio, square }: HeatSpace): HeatLayout {
  const across = along(width, room * ratio);
  const down = along(height, limit * ratio);
  const longest = Math.max(1, Math.floor(LONGEST * ratio));
  let x = Math.min(across.scale, longest);
  let y = Math.min(down.scale, longest);
  let [reduceX, reduceY] = [across.reduce, down.reduce];
  if (square) {
    reduceX = Math.max(reduceX, reduceY);
    reduceY = reduceX;
    const fit = Math.min((room * ratio) / Math.ceil(width / reduceX), (limit * ratio) / Math.ceil(height / reduceX));
    x = reduceX > 1 ? 1 : Math.max(1, Math.floor(fit));
    y = x;
  } else {
    x = Math.min(x, y * LANKIEST);
    y = Math.min(y, x * LANKIEST * (height < 4 ? 3 : 1));
  }
  const canvasWidth = Math.ceil(width / reduceX) * x;
  return { x, y, reduceX, reduceY, canvasWidth, canvasHeight: Math.ceil(height / reduceY) * y };
}

/** The pixels of one tile. */
export function renderHeat(codes: Uint8Array, size: Size, table: Lut, layout: HeatLayout): Pixels {
  const { canvasWidth: width, canvasHeight: height } = layout;
  const pixels = { width, height, rgba: new Uint32Array(width * height) };
  blit(pixels, 0, 0, codes, size, table, layout);
  return pixels;
}

/** The cell at a share (0 … 1) of the canvas' width and height, or null outside. */
export function hitHeat(layout: HeatLayout, size: Size, x: number, y: number): { row: number; column: number } | null {
  const column = Math.floor((x * layout.canvasWidth) / layout.x) * layout.reduceX;
  const row = Math.floor((y * layout.canvasHeight) / layout.y) * layout.reduceY;
  return x >= 0 && y >= 0 && column < size.width && row < size.height ? { row, column } : null;
}
