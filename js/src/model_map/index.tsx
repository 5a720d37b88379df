import "../shared/theme.css";
import "./style.css";
import { useEffect, useMemo, useState } from "preact/hooks";
import { useControl } from "../shared/held";
import { useLatest, usePush } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import { type ViewProps, widget } from "../shared/mount";
import { floats, type Push } from "../shared/wire";
import { ancestors, foldedAtFirst, parentOf, type Row, visibleRows } from "./rows";
import { Tree } from "./tree";

export interface State {
  rows: Row[];
  layer: string;
}

interface Trends {
  paths: string[];
  columns: number;
}

/** path → its norms over the snapshots */
function trendMap(push: Push<Trends> | null): Map<string, Float32Array> {
  if (!push) return new Map();
  const { paths, columns } = push.value;
  const values = floats(push.buffers[0]);
  return new Map(paths.map((path, i) => [path, values.subarray(i * columns, (i + 1) * columns)]));
}

function useFolds(rows: readonly Row[], layer: string) {
  const [folded, setFolded] = useState(() => foldedAtFirst(rows));
  const signature = rows.map((row) => row.path).join("\n");
  useEffect(() => setFolded(foldedAtFirst(rows)), [signature]);
  useEffect(() => {
    const closed = ancestors(rows, layer).filter((path) => folded.has(path));
    if (closed.length) setFolded(new Set([...folded].filter((path) => !closed.includes(path))));
  }, [layer, signature]);
  const fold = (path: string, shut: boolean) => {
    const next = new Set(folded);
    if (shut) next.add(path);
    else next.delete(path);
    setFolded(next);
  };
  return { folded, fold };
}

function ModelMap({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const layer = useControl(latest, state.layer, "select", "layer");
  const { folded, fold } = useFolds(state.rows, layer.value);
  const shown = useMemo(() => visibleRows(state.rows, folded), [state.rows, folded]);
  const push = usePush<Trends>(link, "trends");
  const trends = useMemo(() => trendMap(push), [push]);
  const at = shown.findIndex((row) => row.path === layer.value);
  const row = shown[at];

  const select = (path: string) => void layer.set(path);
  const goto = (index: number) => {
    const next = shown[Math.min(shown.length - 1, Math.max(0, index))];
    if (next) select(next.path);
  };
  const left = () => {
    if (row?.foldable && !folded.has(row.path)) fold(row.path, true);
    else select(parentOf(state.rows, layer.value)?.path ?? layer.value);
  };
  const right = () => {
    if (row?.foldable && folded.has(row.path)) fold(row.path, false);
    else goto(at + 1);
  };
  const keys = {
    ArrowUp: () => goto(at - 1),
    ArrowDown: () => goto(at + 1),
    ArrowLeft: left,
    ArrowRight: right,
    Home: () => goto(0),
    End: () => goto(shown.length - 1),
    Enter: () => row?.foldable && fold(row.path, !folded.has(row.path)),
  };
  return (
    <div class="tvw-map" role="group" aria-label="model" onKeyDown={onKeys(keys)}>
      <Tree rows={shown} selected={at} trends={trends} folded={folded} select={select} fold={fold} />
    </div>
  );
}

export default widget<State>({
  name: "model_map",
  traits: { rows: true, layer: true },
  View: ModelMap,
  help: [
    ["↑ ↓", "previous, next layer"],
    ["← →", "fold or parent, open or next"],
    ["Enter", "fold, open"],
  ],
});
