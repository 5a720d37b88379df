import { LEVELS, lut, MASKED } from "../../shared/colour";
import { number } from "../../shared/format";
import { type Exact, useAsk } from "../exact";
import { tileCodes, unitName, unitOf } from "../picture";
import { dataOf } from "./data";
import { HeatMap } from "./heat_map";
import { Patches } from "./patches";
import type { PanelProps } from "./props";
import { read } from "./reading";

const LIMIT = 400;

/** The chosen head large; the query's row and the key's column follow the pointer. */
export function Head(props: PanelProps & { tile: number }) {
  const { picture, codes, push, units, cell, setCell, tile } = props;
  const [, height, width] = picture.tiles;
  const unit = unitOf(picture, tile);
  const at = cell && cell.row < height && cell.column < width ? cell : null;
  useAsk(units, at ? unit : null, push.seq);
  const tokens = push.value.tokens;
  const own = tileCodes(picture, codes, tile);
  return (
    <div class="tvw-head">
      <div class="tvw-caption">
        <span>{`${unitName(picture, unit)} · query ↓ key →`}</span>
      </div>
      <HeatMap
        {...{ height, width, cell: at, setCell }}
        codes={own}
        table={lut(picture.diverging)}
        limit={LIMIT}
        square
        label={`attention of ${unitName(picture, unit)}`}
        rows={tokens?.rows.length === height ? tokens.rows : undefined}
        columns={tokens?.columns.length === width ? tokens.columns : undefined}
        stamp={`${push.seq} ${tile}`}
        data={dataOf("tvw-head", props)}
      />
      <div class="tvw-unit-value tvw-mono" data-testid="tvw-weight">
        {at ? <Weight {...props} cell={at} /> : <Hint {...props} />}
      </div>
    </div>
  );
}

/** What the query pointed at looks at, over the image; the first token's where none is pointed at. */
export function LooksAt(props: PanelProps & { tile: number }) {
  const { picture, codes, units, cell, tile } = props;
  const row = cell && cell.row < picture.tiles[1] ? cell.row : 0;
  const weights = rowOf(units.get(unitOf(picture, tile)), tileCodes(picture, codes, tile), row, picture);
  return <Patches {...props} row={row} weights={weights} />;
}

/** The weights of one query: exact where they are known, else what the codes stand for. */
export function rowOf(
  exact: Exact | null,
  own: Uint8Array,
  row: number,
  { tiles: [, height, width], hi }: { tiles: [number, number, number]; hi: number },
): Float32Array {
  if (exact && exact.height === height && exact.width === width) {
    return exact.values.subarray(row * width, (row + 1) * width);
  }
  const codes = own.subarray(row * width, (row + 1) * width);
  return Float32Array.from(codes, (code) => (code < LEVELS ? (code / (LEVELS - 1)) * hi : 0));
}

function Weight(props: PanelProps & { tile: number; cell: { row: number; column: number } }) {
  const { codes, picture, tile, cell } = props;
  const [, height, width] = picture.tiles;
  const hidden = codes[(tile * height + cell.row) * width + cell.column] === MASKED;
  const found = read(props, tile, cell);
  const tokens = props.push.value.tokens;
  const name = (list: string[] | undefined, i: number) => (list?.[i] === undefined ? i : `${i} “${list[i]}”`);
  const arrow = `${name(tokens?.rows, found.row)} → ${name(tokens?.columns, found.column)}`;
  if (hidden) return <>{`${arrow}: masked`}</>;
  return <>{`${arrow} ${found.about ? "≈" : "="} ${number(found.value, found.about ? 2 : 5)}`}</>;
}

function Hint({ push }: PanelProps) {
  const recomputed = push.value.attention?.recomputed ? " · recomputed from the layer's queries and keys" : "";
  return <span class="tvw-hint">{`point at a weight${recomputed}`}</span>;
}
