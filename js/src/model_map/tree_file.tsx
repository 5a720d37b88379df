import { sparkPath } from "../shared/parts";
import { type Measure, told } from "./measure";
import type { Row } from "./rows";

const ROW = 22;
const COLUMNS = { trend: 330, measure: 480, shape: 600 };

interface Props {
  rows: readonly Row[];
  folded: ReadonlySet<string>;
  trends: ReadonlyMap<string, Float32Array>;
  measure: Measure | null;
}

/** The size of the tree as a picture. */
export function treeSize(rows: readonly Row[]) {
  return { width: COLUMNS.shape, height: rows.length * ROW };
}

/** The rows on show as a picture. */
export function TreeFile({ rows, folded, trends, measure }: Props) {
  const base = rows[0]?.depth ?? 0;
  return (
    <>
      {rows.map((row, i) => {
        const trend = trends.get(row.path);
        const type = row.kind === "function" ? "ƒ" : row.type;
        return (
          <g key={row.path} class="tvw-file-row" transform={`translate(0,${i * ROW})`}>
            <text x={(row.depth - base) * 14} y={15} font-size={12}>
              <tspan class="tvw-file-dim">{row.foldable ? (folded.has(row.path) ? "▸ " : "▾ ") : ""}</tspan>
              {row.name || row.type}
              <tspan class="tvw-file-dim">{row.name && row.name !== type ? ` ${type}` : ""}</tspan>
            </text>
            {trend && <path transform={`translate(${COLUMNS.trend},2)`} d={sparkPath(trend, 66, 17)} />}
            <text class="tvw-file-shape" x={COLUMNS.measure} y={15} font-size={11}>
              {measure ? told(measure.values.get(row.path), measure) : ""}
            </text>
            <text class="tvw-file-shape" x={COLUMNS.shape} y={15} font-size={11}>
              {row.shape}
            </text>
          </g>
        );
      })}
    </>
  );
}
