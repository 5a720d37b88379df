import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Latest } from "./latest";
import type { Link, Push } from "./wire";

/** The newest push of a topic, or null before the first. */
export function usePush<T>(link: Link, topic: string): Push<T> | null {
  const [push, setPush] = useState<Push<T> | null>(null);
  useLayoutEffect(() => link.on<T>(topic, setPush), [link, topic]);
  return push;
}

/** One channel of single-flight requests for the life of the component. */
export function useLatest(link: Link): Latest {
  return useMemo(() => new Latest(link), [link]);
}

/** A ref and the inner size of its element in CSS px, followed. */
export function useSize<E extends Element>() {
  const ref = useRef<E>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const measure = () => {
      const { width, height } = element.getBoundingClientRect();
      setSize((old) => (old.width === width && old.height === height ? old : { width, height }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, ...size };
}

/** Device pixels a CSS pixel, followed through zoom and a move to another screen. */
export function useRatio(): number {
  const [ratio, setRatio] = useState(devicePixelRatio || 1);
  useEffect(() => {
    const life = new AbortController();
    const query = matchMedia(`(resolution: ${ratio}dppx)`);
    query.addEventListener("change", () => setRatio(devicePixelRatio || 1), { signal: life.signal });
    return () => life.abort();
  }, [ratio]);
  return ratio;
}

const THEME_ATTRIBUTES = ["class", "data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind", "data-theme"];

/** A number that changes when the host's theme does: a dependency of drawings that use the theme's colours. */
export function useThemeTick(): number {
  const [tick, setTick] = useState(0);
  useEffect(() => {
    const life = new AbortController();
    // the host swaps its stylesheet a moment after the attribute
    const changed = () => setTimeout(() => setTick((n) => n + 1), 50);
    const observer = new MutationObserver(changed);
    for (const element of [document.documentElement, document.body]) {
      observer.observe(element, { attributeFilter: THEME_ATTRIBUTES });
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed, { signal: life.signal });
    return () => {
      observer.disconnect();
      life.abort();
    };
  }, []);
  return tick;
}
