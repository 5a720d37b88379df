// Which rows of the tree are on show, and where the arrow keys lead. Rows come in preorder with their depth.

export interface Row {
  path: string;
  name: string;
  type: string;
  depth: number;
  shape: string;
  parameters: number;
  trainable: boolean;
  idle: boolean;
  foldable: boolean;
  note: string;
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

/** Folded ancestors of a row: they are opened when it gets selected from elsewhere. */
export function ancestors(rows: readonly Row[], path: string): string[] {
  const found: string[] = [];
  let row = parentOf(rows, path);
  while (row) {
    found.push(row.path);
    row = parentOf(rows, row.path);
  }
  return found;
}

/** What the pointer is told about a row, as text. */
export function describe(row: Row): string {
  const parameters = `${row.parameters.toLocaleString("en-US")} parameters`;
  const frozen = row.parameters > 0 && !row.trainable ? ", frozen" : "";
  const lines = [`${row.path || "model"} · ${row.type}`, row.shape, parameters + frozen, row.note];
  return lines.filter(Boolean).join("\n");
}
