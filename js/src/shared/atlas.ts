// Where the tiles of a picture lie on a sheet: whole device pixels an element, so that a pixel read back is a value.

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

/** The rows of tiles that a stretch of the sheet touches, and one more at either end; device px, `last` excluded. */
export function rowsBetween(atlas: Atlas, top: number, bottom: number): { first: number; last: number } {
  const pitch = atlas.tileHeight + atlas.gap;
  const first = Math.max(0, Math.floor(top / pitch) - 1);
  return { first, last: Math.max(first, Math.min(atlas.rows, Math.ceil(bottom / pitch) + 1)) };
}
