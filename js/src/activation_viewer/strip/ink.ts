// What is drawn, as grey levels: a soft round pen on a sheet of a few dozen elements, without a canvas.

export interface Sheet {
  height: number;
  width: number;
  /** 0 … 255, 255 is ink */
  ink: Uint8Array;
}

export interface Point {
  x: number;
  y: number;
}

export function blank(height: number, width: number): Sheet {
  return { height, width, ink: new Uint8Array(height * width) };
}

/** Draws (or rubs out) a line with a round pen; coordinates in elements. */
export function stroke(sheet: Sheet, from: Point, to: Point, radius: number, erase = false): void {
  const { height, width, ink } = sheet;
  const reach = radius + 1;
  const [left, right] = [Math.min(from.x, to.x) - reach, Math.max(from.x, to.x) + reach];
  const [top, bottom] = [Math.min(from.y, to.y) - reach, Math.max(from.y, to.y) + reach];
  for (let row = Math.max(0, Math.floor(top)); row < Math.min(height, Math.ceil(bottom)); row++) {
    for (let column = Math.max(0, Math.floor(left)); column < Math.min(width, Math.ceil(right)); column++) {
      const far = distance({ x: column + 0.5, y: row + 0.5 }, from, to);
      const level = Math.round(255 * Math.min(1, Math.max(0, radius + 0.5 - far)));
      const at = row * width + column;
      ink[at] = erase ? Math.min(ink[at] ?? 0, 255 - level) : Math.max(ink[at] ?? 0, level);
    }
  }
}

/** From a point to a stretch of a line. */
function distance(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length ? ((point.x - from.x) * dx + (point.y - from.y) * dy) / length : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - t * dx, point.y - from.y - t * dy);
}

/** A pen as broad as a digit's strokes on a sheet of this size. */
export function penRadius({ height, width }: { height: number; width: number }): number {
  return Math.max(0.9, Math.max(height, width) / 18);
}
