import { useState } from "preact/hooks";
import { decode } from "../../shared/colour";
import { number } from "../../shared/format";
import { sparkPath } from "../../shared/parts";
import { useAsk } from "../exact";
import { colours } from "../picture";
import { dataOf } from "./data";
import { HeatMap } from "./heat_map";
import type { PanelProps } from "./props";
import { read } from "./reading";
import { hasTokens, inTensor, TokenTools } from "./token_tools";

const LIMIT = 290;

/** A tensor that is one unit: a matrix, tokens, or units over time. A click on a token chooses it. */
export function HeatView(props: PanelProps) {
  const { picture, codes, push, units, cell, setCell } = props;
  const [token, choose] = useState<number | null>(null);
  const [, height, width] = picture.tiles;
  const at = cell && cell.row < height && cell.column < width ? cell : null;
  useAsk(units, at ? 0 : null, push.seq);
  const tokens = push.value.tab === "weights" ? null : push.value.tokens;
  const [, row, column] = picture.axes;
  const [tokenCount = 0] = picture.shape;
  return (
    <div class="tvw-heat-view">
      <HeatMap
        {...{ codes, height, width, cell: at, setCell }}
        table={colours(picture)}
        limit={LIMIT}
        label={`${row || "row"} × ${column || "column"} of ${push.value.layer}`}
        rows={tokens?.rows.length === height ? tokens.rows : undefined}
        columns={tokens && picture.kind === "attention" ? tokens.columns : undefined}
        stamp={push}
        data={dataOf("tvw-atlas", props)}
        choose={hasTokens(props) ? ({ row: at }) => choose(inTensor(at, height, tokenCount)) : undefined}
      />
      <div class="tvw-unit-value tvw-mono">
        {at ? (
          <Reading {...props} cell={at} />
        ) : (
          <span class="tvw-hint">{`${row} ↓ × ${column} →${hasTokens(props) ? ", a click chooses a token" : ""}`}</span>
        )}
      </div>
      {hasTokens(props) && token !== null && token < tokenCount && <TokenTools {...props} token={token} />}
      {picture.kind === "sequence" && at && <OverTime {...props} column={at.column} row={at.row} />}
    </div>
  );
}

function Reading(props: PanelProps & { cell: { row: number; column: number } }) {
  const { picture, push, cell } = props;
  const [, row, column] = picture.axes;
  const found = read(props, 0, cell);
  const name = push.value.tokens?.rows[found.row];
  const said = name && picture.kind !== "matrix" ? ` “${name}”` : "";
  const value = found.about ? `≈ ${number(found.value, 2)}` : `= ${number(found.value, 5)}`;
  return <>{`${row || "row"} ${found.row}${said}, ${column || "column"} ${found.column} ${value}`}</>;
}

/** The unit pointed at over the time steps. */
function OverTime({ picture, codes, column, row }: PanelProps & { column: number; row: number }) {
  const [, height, width] = picture.tiles;
  const line = Float32Array.from({ length: height }, (_, i) =>
    decode(codes[i * width + column] ?? 255, picture.lo, picture.hi),
  );
  const x = height > 1 ? (row / (height - 1)) * 400 : 0;
  return (
    <svg class="tvw-over-time" viewBox="0 0 400 44" preserveAspectRatio="none" aria-hidden="true">
      <path class="tvw-here" d={`M${x},0V44`} />
      <path class="tvw-line" d={sparkPath(line, 400, 44, 3)} />
    </svg>
  );
}
