import { type Camera, zoomed } from "./camera";
import type { Point } from "./types";

/** A press that moves less is a click. */
const SLACK = 4;

interface Handle {
  get(): Camera;
  set(camera: Camera): void;
}

/** Drag pans, two fingers or the wheel zoom. The wheel scrolls the page until the widget has the focus. */
export function gestures(element: HTMLElement, camera: Handle, signal: AbortSignal): void {
  const fingers = new Map<number, Point>();
  let dragging = false;
  const place = (event: MouseEvent): Point => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const down = (event: PointerEvent) => {
    if (event.button !== 0 || (event.target as Element).closest("button")) return;
    element.focus({ preventScroll: true });
    if (!fingers.size) dragging = false;
    fingers.set(event.pointerId, place(event));
  };
  const move = (event: PointerEvent) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const now = place(event);
    if (!dragging && fingers.size === 1 && Math.hypot(now.x - last.x, now.y - last.y) < SLACK) return;
    if (!dragging) element.setPointerCapture(event.pointerId);
    dragging = true;
    element.dataset.dragging = "true";
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    camera.set(other ? pinched(camera.get(), last, now, other) : shifted(camera.get(), last, now));
  };
  const up = (event: PointerEvent) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) delete element.dataset.dragging;
  };
  const wheel = (event: WheelEvent) => {
    const focused = element.closest(".tvw")?.contains(document.activeElement);
    if (!focused && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0016;
    camera.set(zoomed(camera.get(), Math.exp(-event.deltaY * lines * speed), place(event)));
  };
  // what ends a drag is no click on what lies under it
  const click = (event: MouseEvent) => {
    if (dragging) event.stopPropagation();
    dragging = false;
  };
  element.addEventListener("pointerdown", down, { signal });
  element.addEventListener("pointermove", move, { signal });
  for (const end of ["pointerup", "pointercancel"] as const) element.addEventListener(end, up, { signal });
  element.addEventListener("wheel", wheel, { signal, passive: false });
  element.addEventListener("click", click, { signal, capture: true });
}

function shifted(camera: Camera, from: Point, to: Point): Camera {
  return { ...camera, x: camera.x + to.x - from.x, y: camera.y + to.y - from.y };
}

function pinched(camera: Camera, from: Point, to: Point, other: Point): Camera {
  const spread = (a: Point) => Math.max(1, Math.hypot(a.x - other.x, a.y - other.y));
  return zoomed(camera, spread(to) / spread(from), other);
}
