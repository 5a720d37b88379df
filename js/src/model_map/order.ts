import type { Row } from "./rows";

/** The rows with the largest first among the children of each, those without a value last; stable. */
export function sortedRows(rows: readonly Row[], values: ReadonlyMap<string, number>): Row[] {
  const size = (row: Row) => {
    const value = values.get(row.path) ?? Number.NaN;
    return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
  };
  const order = (blocks: Row[][]) =>
    blocks.sort(([a], [b]) => (a && b && size(a) !== size(b) ? (size(a) < size(b) ? 1 : -1) : 0));
  const sorted = (list: readonly Row[]): Row[] =>
    order(blocksOf(list)).flatMap(([head, ...below]) => (head ? [head, ...sorted(below)] : []));
  return sorted(rows);
}

/** Each row of the least depth with all that is below it. */
function blocksOf(rows: readonly Row[]): Row[][] {
  const least = rows[0]?.depth ?? 0;
  const blocks: Row[][] = [];
  for (const row of rows) {
    if (row.depth <= least || !blocks.length) blocks.push([row]);
    else blocks.at(-1)?.push(row);
  }
  return blocks;
}
