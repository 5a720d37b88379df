import { useMemo } from "preact/hooks";
import { signsOf } from "../marks";
import { above } from "../rows";
import type { GraphProps } from "./graph";
import type { SceneProps } from "./scene";
import type { Drawn } from "./types";

type Props = GraphProps & { drawn: Drawn };

/** Which boxes are the selected layer, and which closed one holds it. */
export function useStates({ drawn, layer, rows }: Props): SceneProps["stateOf"] {
  return useMemo(() => {
    const shown = drawn.nodes.some(({ path }) => path === layer);
    const outer = shown ? new Set<string>() : above(rows, [layer]);
    return ({ path, open }) => {
      if (path === null) return "";
      if (path === layer) return "selected";
      return outer.has(path) && !open ? "around" : "";
    };
  }, [drawn, layer, rows]);
}

/** What is odd about a box; how often it is called the graph shows itself. */
export function useMarks({ rows, marks }: Props): SceneProps["marksOf"] {
  return useMemo(() => {
    const known = new Map(rows.map((row) => [row.path, row]));
    return ({ path }) => {
      const row = path === null ? undefined : known.get(path);
      const signs = row ? signsOf(row, marks.get(row.path) ?? []) : [];
      return signs.filter(({ kind }) => kind !== "note" && kind !== "reused");
    };
  }, [rows, marks]);
}
