// Which rows of the tree are on show, and which row stands above which. Rows come in preorder with their depth.
import { compact, count } from "../shared/format";

export interface Weight {
  name: string;
  shape: number[];
  dtype: string;
  /** null of a buffer, and where only the recording is known */
  trainable: boolean | null;
}

export interface Row {
  /** what `select` takes: a module's path, or a function's key */
  path: string;
  name: string;
  type: string;
  depth: number;
  shape: string;
  parameters: number;
  bytes: number;
  frozen: "no" | "part" | "all";
  /** never called */
  idle: boolean;
  kind: "module" | "function";
  foldable: boolean;
  /** whether the graph can open it */
  box: boolean;
  calls: number;
  note: string;
  tied: string[];
  /** its own, children's left out */
  weights: Weight[];
}

/** Larger models start folded: more rows than this are no overview. */
const OPEN_ROWS = 40;
const OPEN_DEPTH = 2;

/** The paths folded at first. */
export function foldedAtFirst(rows: readonly Row[]): Set<string> {
  if (rows.length <= OPEN_ROWS) return new Set();
  const base = rows[0]?.depth ?? 0;
  return new Set(rows.filter((row) => row.foldable && row.depth - base >= OPEN_DEPTH - 1).map((row) => row.path));
}

/** Rows with no folded ancestor. */
export function visibleRows(rows: readonly Row[], folded: ReadonlySet<string>): Row[] {
  const shown: Row[] = [];
  let hiddenBelow = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    if (row.depth > hiddenBelow) continue;
    hiddenBelow = row.foldable && folded.has(row.path) ? row.depth : Number.POSITIVE_INFINITY;
    shown.push(row);
  }
  return shown;
}

/** The nearest row above with a smaller depth. */
export function parentOf(rows: readonly Row[], path: string): Row | null {
  const at = rows.findIndex((row) => row.path === path);
  const depth = rows[at]?.depth ?? 0;
  for (let i = at - 1; i >= 0; i--) {
    const row = rows[i];
    if (row && row.depth < depth) return row;
  }
  return null;
}

/** The rows above, innermost first. */
export function ancestors(rows: readonly Row[], path: string): string[] {
  const found: string[] = [];
  let row = parentOf(rows, path);
  while (row) {
    found.push(row.path);
    row = parentOf(rows, row.path);
  }
  return found;
}

/** All rows that stand above some of these. */
export function above(rows: readonly Row[], paths: readonly string[]): Set<string> {
  const wanted = new Set(paths);
  const found = new Set<string>();
  const open: Row[] = [];
  for (const row of rows) {
    while (open.length && (open.at(-1)?.depth ?? 0) >= row.depth) open.pop();
    if (wanted.has(row.path)) for (const parent of open) found.add(parent.path);
    open.push(row);
  }
  return found;
}

/** The rows beside a row that can be folded, itself included. */
export function foldableBeside(rows: readonly Row[], path: string): string[] {
  const parent = parentOf(rows, path)?.path;
  return rows.filter((row) => row.foldable && parentOf(rows, row.path)?.path === parent).map((row) => row.path);
}

/** 18.6 kB */
export function byteSize(bytes: number): string {
  const text = compact(bytes);
  return text.includes(" ") ? `${text}B` : `${text} B`;
}

/** What the pointer is told about a row, as text. */
export function describe(row: Row): string {
  const lines = [`${row.path || "model"} · ${row.type}`, row.shape, parametersOf(row), row.note];
  return lines.filter(Boolean).join("\n");
}

function parametersOf(row: Row): string {
  if (row.kind === "function" && !row.parameters) return "";
  const frozen = { no: "", part: ", partly frozen", all: ", frozen" }[row.parameters ? row.frozen : "no"];
  return `${count(row.parameters)} parameters${frozen}${row.bytes ? `, ${byteSize(row.bytes)}` : ""}`;
}
