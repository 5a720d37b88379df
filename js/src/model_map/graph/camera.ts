// Where the drawing is in its window: a point p of the drawing is at k·p + (x, y).
import type { Layout, Point, Size } from "./types";

export interface Camera extends Point {
  k: number;
}

export interface Rect extends Point, Size {}

export const MIN_ZOOM = 0.01;
export const MAX_ZOOM = 3;
const EDGE = 14;
/** names are read at this size or larger; what does not fit so is begun at its top */
const READABLE = 0.6;

/** The whole drawing in the middle of the window, no larger than it is. */
export function fitted(drawing: Size, view: Size): Camera {
  const k = Math.min(1, (view.width - 2 * EDGE) / drawing.width, (view.height - 2 * EDGE) / drawing.height);
  return centred(drawing, view, Math.max(MIN_ZOOM, k));
}

/** The whole drawing where that can be read, else its beginning. */
export function begun(drawing: Size, view: Size): Camera {
  const whole = fitted(drawing, view);
  if (whole.k >= READABLE) return whole;
  const k = Math.min(1, Math.max(READABLE, (view.width - 2 * EDGE) / drawing.width));
  return { ...centred(drawing, view, k), y: EDGE };
}

function centred({ width, height }: Size, view: Size, k: number): Camera {
  return { k, x: (view.width - k * width) / 2, y: (view.height - k * height) / 2 };
}

/** Zoomed so that what is at `at` in the window stays there. */
export function zoomed({ k, x, y }: Camera, factor: number, at: Point): Camera {
  const next = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, k * factor));
  return { k: next, x: at.x - ((at.x - x) * next) / k, y: at.y - ((at.y - y) * next) / k };
}

/** Moved as little as brings a box into the window; of one that is larger than the window, its beginning. */
export function showing({ k, x, y }: Camera, box: Rect, view: Size): Camera {
  return { k, x: along(k, x, box.x, box.width, view.width), y: along(k, y, box.y, box.height, view.height) };
}

function along(k: number, place: number, from: number, size: number, room: number): number {
  const [least, most] = [EDGE - k * from, room - EDGE - k * (from + size)];
  // of what has no room, the first part that says what it is
  if (most < least) return Math.max(least, Math.min(room / 2 - k * from, place));
  return Math.min(most, Math.max(least, place));
}

/** What of the drawing is in the window. */
export function inSight({ k, x, y }: Camera, view: Size): Rect {
  return { x: -x / k, y: -y / k, width: view.width / k, height: view.height / k };
}

export function meets(a: Rect, b: Rect): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function holds(outer: Rect, inner: Rect): boolean {
  const right = outer.x + outer.width >= inner.x + inner.width;
  const bottom = outer.y + outer.height >= inner.y + inner.height;
  return outer.x <= inner.x && outer.y <= inner.y && right && bottom;
}

/** The part of the drawing that is in the page, and how much of each box is told. */
export interface Area extends Rect {
  detail: "all" | "names" | "boxes";
}

/** A little more than what is in sight; the same object as long as that will do. */
export function areaFor(camera: Camera, view: Size, now: Area | null): Area {
  const sight = inSight(camera, view);
  const detail = camera.k >= 0.45 ? "all" : camera.k >= 0.2 ? "names" : "boxes";
  const wasteful = now !== null && now.width > 5 * sight.width;
  if (now && !wasteful && now.detail === detail && holds(now, sight)) return now;
  const { x, y, width, height } = sight;
  return { x: x - 0.6 * width, y: y - 0.6 * height, width: 2.2 * width, height: 2.2 * height, detail };
}

/** How far the box that should stay where it is has moved from one layout to the next: `kept`, else one in sight. */
export function shiftBetween(old: Layout, next: Layout, camera: Camera, view: Size, kept: string | null): Point | null {
  const after = new Map(next.boxes.map((box) => [box.key, box]));
  const middle = { x: (view.width / 2 - camera.x) / camera.k, y: (view.height / 2 - camera.y) / camera.k };
  const top = (box: Rect) => ({ x: box.x + box.width / 2, y: box.y });
  const far = (box: Rect) => Math.hypot(top(box).x - middle.x, top(box).y - middle.y);
  const [first, ...rest] = old.boxes.filter((box) => after.has(box.key));
  if (!first) return null;
  const nearest = rest.reduce((best, box) => (far(box) < far(best) ? box : best), first);
  const box = [first, ...rest].find(({ key }) => key === kept) ?? nearest;
  const moved = after.get(box.key) ?? box;
  return { x: top(moved).x - top(box).x, y: top(moved).y - top(box).y };
}
