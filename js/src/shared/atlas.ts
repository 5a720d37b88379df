// Where the tiles of a picture lie on a canvas, and painting them: whole device pixels an element, nothing smoothed,
// so that a pixel read back is a value.
import { colourise, type Lut, PALETTE } from "./colour";

export interface AtlasSpace {
  count: number;
  /** elements of one tile */
  height: number;
  width: number;
  /** room on the page, CSS px */
  room: number;
  /** wished greatest height of the whole, CSS px */
  limit: number;
  ratio: number;
}

export interface Atlas {
  count: number;
  columns: number;
  rows: number;
  /** device px of one element; 1 where elements are averaged */
  scale: number;
  /** elements averaged into one device px, along each axis */
  reduce: number;
  tileWidth: number;
  tileHeight: number;
  gap: number;
  canvasWidth: number;
  canvasHeight: number;
}

/** CSS px of a tile's longer side: never larger, not smaller for whole maps, not smaller for averaged ones */
const LARGEST = 132;
const SMALLEST = 30;
const SMALLEST_AVERAGED = 36;

function place(space: AtlasSpace, scale: number, reduce: number): Atlas {
  const tileWidth = Math.ceil(space.width / reduce) * scale;
  const tileHeight = Math.ceil(space.height / reduce) * scale;
  const gap = space.count > 1 ? Math.round(Math.min(5, Math.max(2, tileWidth / space.ratio / 13)) * space.ratio) : 0;
  const fit = Math.max(1, Math.floor((space.room * space.ratio + gap) / (tileWidth + gap)));
  const rows = Math.ceil(space.count / Math.min(fit, space.count));
  // as few columns as these rows need: a full rectangle is calmer than a long row and a short one
  const columns = Math.ceil(space.count / rows);
  const canvasWidth = columns * (tileWidth + gap) - gap;
  const canvasHeight = rows * (tileHeight + gap) - gap;
  return { count: space.count, columns, rows, scale, reduce, tileWidth, tileHeight, gap, canvasWidth, canvasHeight };
}

/**
 * The largest whole scale at which all tiles fit the room. Where none fits, small tiles scroll, and large maps are
 * averaged down first: an overview of all units is worth more here than a pixel of each.
 */
export function layoutAtlas(space: AtlasSpace): Atlas {
  const side = Math.max(space.width, space.height);
  for (let scale = largestScale(space); scale >= 1; scale--) {
    const atlas = place(space, scale, 1);
    const small = side * (scale - 1) < SMALLEST * space.ratio;
    if (fits(atlas, space) || (small && side * scale < 2 * SMALLEST_AVERAGED * space.ratio)) return atlas;
  }
  let reduce = 1;
  const least = (space.count === 1 ? 1 : SMALLEST_AVERAGED) * space.ratio;
  while (!fits(place(space, 1, reduce), space) && side / (reduce + 1) >= least) reduce++;
  return place(space, 1, reduce);
}

function largestScale({ count, width, height, room, limit, ratio }: AtlasSpace): number {
  const across = Math.min(room, count === 1 ? room : LARGEST) * ratio;
  const down = Math.min(limit, count === 1 ? limit : LARGEST) * ratio;
  return Math.floor(Math.min(across / width, down / height));
}

function fits(atlas: Atlas, { limit, room, ratio }: AtlasSpace): boolean {
  return atlas.canvasHeight <= limit * ratio && atlas.canvasWidth <= room * ratio;
}

/** The tile under a point of the canvas (device px) and the element in it, or null on a gap. */
export function hitAtlas(atlas: Atlas, x: number, y: number): { tile: number; row: number; column: number } | null {
  const across = Math.floor(x / (atlas.tileWidth + atlas.gap));
  const down = Math.floor(y / (atlas.tileHeight + atlas.gap));
  const dx = x - across * (atlas.tileWidth + atlas.gap);
  const dy = y - down * (atlas.tileHeight + atlas.gap);
  const tile = down * atlas.columns + across;
  const outside = x < 0 || y < 0 || dx >= atlas.tileWidth || dy >= atlas.tileHeight;
  if (outside || across >= atlas.columns || tile >= atlas.count) return null;
  const element = (offset: number) => Math.floor((offset / atlas.scale) * atlas.reduce);
  return { tile, row: element(dy), column: element(dx) };
}

/** The place of a tile on the canvas, device px. */
export function tilePlace(atlas: Atlas, tile: number): { x: number; y: number } {
  const across = tile % atlas.columns;
  const down = Math.floor(tile / atlas.columns);
  return { x: across * (atlas.tileWidth + atlas.gap), y: down * (atlas.tileHeight + atlas.gap) };
}

/** One code for every `by`×`by` block of one tile, of labels the first one; see `blockCode`. */
export function reduceTile(codes: Uint8Array, width: number, height: number, by: number, labels = false): Uint8Array {
  const across = Math.ceil(width / by);
  const down = Math.ceil(height / by);
  const reduced = new Uint8Array(across * down);
  for (let i = 0; i < reduced.length; i++) {
    const [x, y] = [i % across, Math.floor(i / across)];
    reduced[i] = labels ? (codes[y * by * width + x * by] ?? 0) : blockCode(codes, width, height, by, x, y);
  }
  return reduced;
}

/** The mean code; a block that holds a NaN or Inf keeps it, so that it stays seen. */
function blockCode(codes: Uint8Array, width: number, height: number, by: number, bx: number, by0: number): number {
  let sum = 0;
  let count = 0;
  for (let y = by0 * by; y < Math.min(height, (by0 + 1) * by); y++) {
    for (let x = bx * by; x < Math.min(width, (bx + 1) * by); x++) {
      const code = codes[y * width + x] ?? 0;
      if (code > 250) return code;
      sum += code;
      count++;
    }
  }
  return Math.round(sum / Math.max(1, count));
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
  const inner = sheet.getContext("2d");
  if (!inner || !size.width || !size.height) return;
  const image = inner.createImageData(size.width, size.height);
  colourise(codes, table, image.data);
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, at.x, at.y, at.width, at.height);
}

/** Sizes the canvas and paints every tile of `codes` (count × height × width). */
export function paintAtlas(
  canvas: HTMLCanvasElement,
  codes: Uint8Array,
  size: { width: number; height: number },
  table: Lut,
  atlas: Atlas,
): void {
  canvas.width = atlas.canvasWidth;
  canvas.height = atlas.canvasHeight;
  const context = canvas.getContext("2d");
  if (!context) return;
  const sheet = document.createElement("canvas");
  const area = size.width * size.height;
  const shown = { width: atlas.tileWidth / atlas.scale, height: atlas.tileHeight / atlas.scale };
  for (let tile = 0; tile < atlas.count; tile++) {
    const raw = codes.subarray(tile * area, (tile + 1) * area);
    const labels = table === PALETTE; // the mean of two labels would be a third one
    const part = atlas.reduce > 1 ? reduceTile(raw, size.width, size.height, atlas.reduce, labels) : raw;
    const at = { ...tilePlace(atlas, tile), width: atlas.tileWidth, height: atlas.tileHeight };
    paintCodes(context, part, shown, table, at, sheet);
  }
}
