import { useRef } from "preact/hooks";
import { onKeys } from "../shared/keyboard";
import type { Folds } from "./folds";
import { foldableBeside, parentOf, type Row } from "./rows";
import { typedAhead } from "./search";

/** Letters typed within this time of each other are one word. */
const TYPING = 700;

/** The keys of a WAI-ARIA tree view; "h" begins no word, it lists the keys. */
export function useTreeKeys(
  rows: readonly Row[],
  shown: readonly Row[],
  layer: string,
  folds: Folds,
  select: (path: string) => void,
) {
  const typing = useRef({ word: "", at: 0 });
  const at = shown.findIndex((row) => row.path === layer);
  const row = shown[at];
  const isShut = row !== undefined && folds.folded.has(row.path);
  const goto = (index: number) => {
    const next = shown[Math.min(shown.length - 1, Math.max(0, index))];
    if (next) select(next.path);
  };
  const left = () => {
    if (row?.foldable && !isShut) folds.fold(row.path, true);
    else select(parentOf(rows, layer)?.path ?? layer);
  };
  const right = () => {
    if (row?.foldable && isShut) folds.fold(row.path, false);
    else if (row?.foldable) goto(at + 1);
  };
  const keys = onKeys({
    ArrowUp: () => goto(at - 1),
    ArrowDown: () => goto(at + 1),
    ArrowLeft: left,
    ArrowRight: right,
    Home: () => goto(0),
    End: () => goto(shown.length - 1),
    Enter: () => row?.foldable && folds.fold(row.path, !isShut),
    "*": () => folds.unfold(foldableBeside(rows, layer)),
  });
  return (event: KeyboardEvent) => {
    const going = event.timeStamp - typing.current.at < TYPING ? typing.current.word : "";
    const letter = event.key.length === 1 && /[\p{L}\p{N}_]/u.test(event.key) && (going || event.key !== "h");
    if (!letter || event.ctrlKey || event.metaKey || event.altKey) return keys(event);
    event.preventDefault();
    event.stopPropagation();
    typing.current = { word: going + event.key, at: event.timeStamp };
    const index = typedAhead(shown, at, typing.current.word);
    if (index >= 0) goto(index);
  };
}
