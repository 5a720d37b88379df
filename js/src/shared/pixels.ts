// Codes to pixels: every element a flat block of whole device pixels, nothing smoothed. Pure arrays, painted in one go.
import type { Atlas } from "./atlas";
import { colourise, type Lut, PALETTE, packed } from "./colour";

export interface Pixels {
  width: number;
  height: number;
  /** one packed RGBA a pixel, 0 where nothing is drawn */
  rgba: Uint32Array;
}

export interface Size {
  width: number;
  height: number;
}

/** Device px of an element, or elements averaged into one device px, along each axis. */
export interface Scale {
  x: number;
  y: number;
  reduceX: number;
  reduceY: number;
}

/** One code for every `byX`×`byY` block of one tile, of labels the first one; see `blockCode`. */
export function reduceTile(codes: Uint8Array, size: Size, byX: number, byY: number, labels = false): Uint8Array {
  const across = Math.ceil(size.width / byX);
  const down = Math.ceil(size.height / byY);
  const reduced = new Uint8Array(across * down);
  for (let i = 0; i < reduced.length; i++) {
    const x = (i % across) * byX;
    const y = Math.floor(i / across) * byY;
    reduced[i] = labels ? (codes[y * size.width + x] ?? 0) : blockCode(codes, size, x, y, byX, byY);
  }
  return reduced;
}

/** The mean code; a block that holds a NaN, an Inf or a masked value keeps it, so that it stays seen. */
function blockCode(codes: Uint8Array, size: Size, x0: number, y0: number, byX: number, byY: number): number {
  const right = Math.min(size.width, x0 + byX);
  const bottom = Math.min(size.height, y0 + byY);
  let sum = 0;
  for (let y = y0; y < bottom; y++) {
    for (let x = x0; x < right; x++) {
      const code = codes[y * size.width + x] ?? 0;
      if (code > 250) return code;
      sum += code;
    }
  }
  return Math.round(sum / Math.max(1, (right - x0) * (bottom - y0)));
}

/** Draws one tile into `into` with its corner at (x, y). */
export function blit(
  into: Pixels,
  x: number,
  y: number,
  codes: Uint8Array,
  size: Size,
  table: Lut,
  scale: Scale,
): void {
  const labels = table === PALETTE; // the mean of two labels would be a third one
  const thin = scale.reduceX > 1 || scale.reduceY > 1;
  const part = thin ? reduceTile(codes, size, scale.reduceX, scale.reduceY, labels) : codes;
  const across = Math.ceil(size.width / scale.reduceX);
  const down = Math.ceil(size.height / scale.reduceY);
  const colours = packed(table);
  for (let row = 0; row < down; row++) {
    const from = (y + row * scale.y) * into.width + x;
    for (let column = 0; column < across; column++) {
      const at = from + column * scale.x;
      into.rgba.fill(colours[part[row * across + column] ?? 255] ?? 0, at, at + scale.x);
    }
    for (let k = 1; k < scale.y; k++) into.rgba.copyWithin(from + k * into.width, from, from + across * scale.x);
  }
}

/** The pixels of the tiles in rows `first` … `last` − 1 of an atlas; `codes` holds count × height × width. */
export function renderRows(
  atlas: Atlas,
  codes: Uint8Array,
  size: Size,
  table: Lut,
  { first, last }: { first: number; last: number },
): Pixels {
  const pitch = atlas.tileHeight + atlas.gap;
  const height = Math.max(0, (last - first) * pitch - atlas.gap);
  const pixels = { width: atlas.canvasWidth, height, rgba: new Uint32Array(atlas.canvasWidth * height) };
  const scale = { x: atlas.scale, y: atlas.scale, reduceX: atlas.reduce, reduceY: atlas.reduce };
  const area = size.width * size.height;
  for (let tile = first * atlas.columns; tile < Math.min(atlas.count, last * atlas.columns); tile++) {
    const x = (tile % atlas.columns) * (atlas.tileWidth + atlas.gap);
    const y = (Math.floor(tile / atlas.columns) - first) * pitch;
    blit(pixels, x, y, codes.subarray(tile * area, (tile + 1) * area), size, table, scale);
  }
  return pixels;
}

/**
 * A context whose pixels lie with the processor, where ours come from: one of the graphics card is a layer of its own,
 * and the browser has to find out at every frame which parts of the page lie above it.
 */
export function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  return canvas.getContext("2d", { willReadFrequently: true });
}

/** Gives the canvas its size, in device px. */
export function sized(canvas: HTMLCanvasElement, width: number, height: number): void {
  // to set even the same size is to make a new drawing of it, for which the browser lays out all its layers again
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

/** Sizes the canvas and puts the pixels there. */
export function paint(canvas: HTMLCanvasElement | null, { width, height, rgba }: Pixels): void {
  if (!canvas) return;
  sized(canvas, width, height);
  const context = context2d(canvas);
  if (!context || !rgba.length) return;
  context.putImageData(new ImageData(new Uint8ClampedArray(rgba.buffer as ArrayBuffer), width, height), 0, 0);
}

/** Paints `codes` (height × width) into a rectangle of the context, one flat square an element. */
export function paintCodes(
  context: CanvasRenderingContext2D,
  codes: Uint8Array,
  size: { width: number; height: number },
  table: Lut,
  at: { x: number; y: number; width: number; height: number },
  sheet: HTMLCanvasElement,
): void {
  sheet.width = size.width;
  sheet.height = size.height;
  const inner = context2d(sheet);
  if (!inner || !size.width || !size.height) return;
  const image = inner.createImageData(size.width, size.height);
  colourise(codes, table, image.data);
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, at.x, at.y, at.width, at.height);
}
