import { useEffect, useRef, useState } from "preact/hooks";
import { above, foldedAtFirst, type Row } from "./rows";
import { matches } from "./search";

export interface Folds {
  folded: ReadonlySet<string>;
  fold(path: string, shut: boolean): void;
  foldAll(shut: boolean): void;
  unfold(paths: readonly string[]): void;
  /** unfolds what holds a match; when the search ends, all is folded as before but the way to the selected row */
  search(typed: string): string[];
}

/** Which rows are folded; a row that gets selected comes out. */
export function useFolds(rows: readonly Row[], layer: string): Folds {
  const [folded, setFolded] = useState<ReadonlySet<string>>(() => foldedAtFirst(rows));
  const before = useRef<ReadonlySet<string> | null>(null);
  const signature = rows.map((row) => row.path).join("\n");
  const without = (set: ReadonlySet<string>, paths: ReadonlySet<string>) =>
    new Set([...set].filter((path) => !paths.has(path)));
  useEffect(() => setFolded(foldedAtFirst(rows)), [signature]);
  useEffect(() => setFolded((now) => without(now, above(rows, [layer]))), [layer, signature]);
  const search = (typed: string) => {
    const found = matches(rows, typed);
    before.current ??= folded;
    const paths = typed ? found : [layer];
    setFolded(without(before.current, above(rows, paths)));
    if (!typed) before.current = null;
    return found;
  };
  return {
    folded,
    fold: (path, shut) => setFolded((now) => (shut ? new Set([...now, path]) : without(now, new Set([path])))),
    foldAll: (shut) =>
      setFolded(new Set(shut ? rows.filter((row) => row.foldable && row.path).map((row) => row.path) : [])),
    unfold: (paths) => setFolded((now) => without(now, new Set(paths))),
    search,
  };
}
