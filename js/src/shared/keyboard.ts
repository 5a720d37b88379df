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

/** inputs that take arrows and space, but no letters */
const NO_TEXT = new Set(["range", "checkbox", "radio"]);

function isLetter(key: string): boolean {
  return key.length === 1 && key !== " ";
}

function takesKey(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLButtonElement) return key === " " || key === "Enter";
  if (target instanceof HTMLInputElement && NO_TEXT.has(target.type)) return !isLetter(key);
  return ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
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

/** The item that an arrow key leads to among `count` items in a row, round the ends; null for any other key. */
export function roving(key: string, index: number, count: number): number | null {
  const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[key];
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return by === undefined || !count ? null : (index + by + count) % count;
}

/** A keydown handler of a grid with one tab stop: calls `choose` with the index that the key leads to. */
export function onGrid(
  index: number,
  count: number,
  columns: number,
  choose: (index: number) => void,
): (event: KeyboardEvent) => void {
  return (event) => {
    const next = gridMove(event.key, index, count, columns);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    choose(next);
  };
}
