import { useMemo, useRef, useState } from "preact/hooks";
import { useControl } from "../shared/held";
import { useLatest, usePush } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { ViewProps } from "../shared/mount";
import { floats, type Push } from "../shared/wire";
import { Details } from "./details";
import { useFolds } from "./folds";
import { Graph } from "./graph/graph";
import { Header } from "./header";
import type { State } from "./index";
import { Legend } from "./legend";
import type { Mark } from "./marks";
import { type MeasurePush, measureOf } from "./measure";
import { Options } from "./options";
import { sortedRows } from "./order";
import { ancestors, type Row, visibleRows } from "./rows";
import { nextMatch } from "./search";
import { Tree } from "./tree";
import { useTreeKeys } from "./tree_keys";
import { useLook } from "./view";

interface Trends {
  paths: string[];
  columns: number;
}

/** path → its statistic over the snapshots */
function trendMap(push: Push<Trends> | null): Map<string, Float32Array> {
  if (!push) return new Map();
  const { paths, columns } = push.value;
  const values = floats(push.buffers[0]);
  return new Map(paths.map((path, i) => [path, values.subarray(i * columns, (i + 1) * columns)]));
}

function markMap(push: Push<{ marks: Mark[] }> | null): Map<string, Mark[]> {
  const found = new Map<string, Mark[]>();
  for (const mark of push?.value.marks ?? []) found.set(mark.path, [...(found.get(mark.path) ?? []), mark]);
  return found;
}

function usePushes(link: ViewProps<State>["link"], by: State["view"]["by"]) {
  const trends = usePush<Trends>(link, "trends");
  const marks = usePush<{ marks: Mark[] }>(link, "marks");
  const measure = usePush<MeasurePush>(link, "measure");
  return {
    trends: useMemo(() => trendMap(trends), [trends]),
    marks: useMemo(() => markMap(marks), [marks]),
    measure: useMemo(() => measureOf(measure, by), [measure, by]),
  };
}

export function ModelMap({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const boxes = useLatest(link);
  const layer = useControl(latest, state.layer, "select", "layer");
  const { look, change } = useLook(link, state.view);
  const [listed, setListed] = useState(false);
  const [typed, setTyped] = useState("");
  const [found, setFound] = useState<readonly string[]>([]);
  const field = useRef<HTMLInputElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const saver = useRef<(() => void) | null>(null);
  const { trends, marks, measure } = usePushes(link, look.by);
  const sorted = look.sorted && measure !== null;
  const rows = useMemo(
    () => (sorted ? sortedRows(state.rows, measure.values) : state.rows),
    [state.rows, sorted, measure],
  );
  const folds = useFolds(state.rows, layer.value);
  const shown = useMemo(() => visibleRows(rows, folds.folded), [rows, folds.folded]);
  const at = shown.findIndex((row) => row.path === layer.value);
  const lit = useMemo(() => new Set(found), [found]);

  const select = (path: string) => void (path !== layer.value && layer.set(path));
  const openBoxes = (keys: readonly string[], open: boolean) => void boxes.send("open", { keys, open }, `open ${keys}`);
  // the model's own box is the window
  const isBox = (row: Row) => row.box && row.path !== "";
  const reveal = (path: string) => {
    const around = ancestors(rows, path);
    folds.unfold(around);
    const boxed = state.rows.filter((row) => isBox(row) && around.includes(row.path));
    const closed = boxed.map((row) => row.path).filter((above) => !state.opened.includes(above));
    if (look.mode === "graph" && closed.length) openBoxes(closed, true);
  };
  const type = (text: string) => {
    setTyped(text);
    setFound(folds.search(text));
  };
  const step = (by: 1 | -1) => {
    const next = nextMatch(rows, found, layer.value, by);
    if (next === null) return;
    reveal(next);
    select(next);
  };
  const leave = () => {
    type("");
    body.current?.querySelector<HTMLElement>("[tabindex='0']")?.focus();
  };
  const openAll = (open: boolean) => {
    folds.foldAll(!open);
    if (look.mode !== "graph") return;
    const keys = state.rows.filter(isBox).map((row) => row.path);
    openBoxes(
      keys.filter((key) => state.opened.includes(key) !== open),
      open,
    );
  };
  const press = useTreeKeys(rows, shown, layer.value, folds, select);
  const row = state.rows.find((each) => each.path === layer.value);
  return (
    <div class="tvw-map" role="group" aria-label="model" onKeyDown={onKeys({ "/": () => field.current?.focus() })}>
      <Header
        {...{ look, change, typed, type, step, leave, field }}
        found={found.length}
        at={found.indexOf(layer.value) + 1}
        open={listed}
        toggle={() => setListed(!listed)}
      />
      {listed && <Options {...{ look, change, openAll }} trends={state.trends_known} save={() => saver.current?.()} />}
      <div class="tvw-map-body" ref={body}>
        {look.mode === "graph" ? (
          <Graph
            {...{ link, select, measure, marks, saver }}
            layer={layer.value}
            rows={state.rows}
            found={lit}
            openBoxes={openBoxes}
          />
        ) : (
          <Tree
            {...{ select, trends, measure, marks, typed, press, saver }}
            rows={shown}
            selected={at}
            found={lit}
            {...folds}
          />
        )}
      </div>
      {measure && <Legend measure={measure} />}
      {row && <Details row={row} marks={marks.get(row.path) ?? []} measure={measure} />}
    </div>
  );
}
