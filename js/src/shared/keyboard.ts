export type Keys = Record<string, (() => void) | undefined>;

/**
 * A keydown handler that runs the action of a key and keeps the key from the host and the page. Keys with a modifier
 * are the host's, and what is typed into a field is the field's.
 */
export function onKeys(keys: Keys): (event: KeyboardEvent) => void {
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keys[event.key];
    if (!action || takesKey(event.target, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
}

function takesKey(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLButtonElement) return key === " " || key === "Enter";
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}

/** The index that an arrow key leads to in a grid of `count` cells, or null for any other key. */
export function gridMove(key: string, index: number, count: number, columns: number): number | null {
  const steps: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps[key];
  if (step === undefined) return null;
  const next = index + step;
  return next < 0 || next >= count ? index : next;
}
