import { useEffect, useRef, useState } from "preact/hooks";
import type { Latest } from "./latest";

/** Longest time that a value is shown after it was let go, if the kernel never says anything about it. */
const GRACE = 1000;

interface Hold<T> {
  value: T;
  /** the kernel's value when the hand let go; null while it still holds */
  left: { kernel: T } | null;
}

/**
 * A value that the user holds for a moment (a drag) and that otherwise is the kernel's. The reply to the last request
 * may overtake the push that carries the new value: what was let go stays on show until the kernel's value moves.
 */
export function useHeld<T>(kernel: T) {
  const [hold, setHold] = useState<Hold<T> | null>(null);
  const now = useRef(kernel);
  now.current = kernel;
  const over = hold?.left && (Object.is(kernel, hold.value) || !Object.is(kernel, hold.left.kernel));
  useEffect(() => {
    if (!hold?.left) return;
    const timer = setTimeout(() => setHold(null), over ? 0 : GRACE);
    return () => clearTimeout(timer);
  }, [hold, over]);
  const held = hold !== null && !over;
  return {
    value: held ? hold.value : kernel,
    held,
    hold: (value: T) => setHold({ value, left: null }),
    /** lets go; at once where the kernel has refused the value */
    release: (refused: boolean) =>
      setHold((old) => (old && !refused ? { ...old, left: { kernel: now.current } } : null)),
  };
}

/** A trait that the user sets through a request: shown as chosen at once, one request at a time, the newest wins. */
export function useControl<T>(latest: Latest, kernel: T, op: string, argument = op) {
  const { value, held, hold, release } = useHeld(kernel);
  /** false when the kernel refused */
  const set = async (next: T): Promise<boolean> => {
    hold(next);
    const reply = await latest.send(op, { [argument]: next });
    if (latest.busy) return true;
    release(reply === null);
    return reply !== null;
  };
  return { value, held, set };
}
