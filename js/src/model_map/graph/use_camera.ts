import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Area, areaFor, begun, type Camera, fitted, type Rect, shiftBetween, showing } from "./camera";
import type { Layout, Size } from "./types";

/** The camera lives outside the drawing: a pan writes one attribute, and draws anew only what comes into sight. */
export function useCamera(layout: Layout, view: Size) {
  const camera = useRef<Camera>({ k: 1, x: 0, y: 0 });
  const content = useRef<SVGGElement>(null);
  const shown = useRef<Layout | null>(null);
  /** whether the user has chosen the place */
  const chosen = useRef(false);
  const kept = useRef<string | null>(null);
  const size = useRef(view);
  const frame = useRef(0);
  const [area, setArea] = useState<Area | null>(null);
  size.current = view;
  const write = () => {
    const { k, x, y } = camera.current;
    content.current?.setAttribute("transform", `translate(${x.toFixed(2)},${y.toFixed(2)}) scale(${k.toFixed(5)})`);
  };
  const put = (next: Camera) => {
    camera.current = next;
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      write();
      setArea((now) => areaFor(camera.current, size.current, now));
    });
  };
  const move = (next: Camera) => {
    chosen.current = true;
    put(next);
  };
  const arrive = () => {
    const before = shown.current;
    shown.current = layout;
    if (before === layout && chosen.current) return setArea((now) => areaFor(camera.current, view, now));
    const shift = before && before !== layout && shiftBetween(before, layout, camera.current, view, kept.current);
    const { k, x, y } = camera.current;
    camera.current = shift ? { k, x: x - k * shift.x, y: y - k * shift.y } : begun(layout, view);
    // what was opened by hand stays where it is when the window changes, too
    if (kept.current !== null) chosen.current = true;
    kept.current = null;
    write();
    setArea(areaFor(camera.current, view, null));
  };
  useLayoutEffect(() => {
    if (view.width && view.height) arrive();
  }, [layout, view.width, view.height]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  return {
    ...{ camera, area, content, move },
    fit: () => move(fitted(layout, size.current)),
    show: (box: Rect) => size.current.width && put(showing(camera.current, box, size.current)),
    /** the box that is to stay where it is when the next layout comes */
    keep: (key: string) => {
      kept.current = key;
    },
  };
}
