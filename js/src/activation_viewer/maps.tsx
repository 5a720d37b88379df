import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { decode } from "../shared/colour";
import { number } from "../shared/format";
import { AtlasView, type Place } from "./atlas_view";
import { type Exact, useAsk, valueAt } from "./exact";
import { limitsOf, type Picture, unitOf, unitWord } from "./frame";
import type { BodyProps } from "./index";
import { UnitView } from "./unit_view";

export interface MapsProps extends BodyProps {
  picture: Picture;
  codes: Uint8Array;
  exact: { get(unit: number): Exact | null; ask(unit: number): void };
  tile: number;
  legend: ComponentChildren;
  setTile(tile: number): void;
}

export interface Cell {
  row: number;
  column: number;
}

/** The atlas of all units, and beside it the chosen one enlarged. */
export function Maps(props: MapsProps) {
  const { picture, push, exact, tile } = props;
  const [over, setOver] = useState<Place | null>(null);
  const [cell, setCell] = useState<Cell | null>(null);
  const [count, height, width] = picture.tiles;
  const alone = count === 1;
  const pinned = cell && cell.row < height && cell.column < width ? cell : null;
  const spot = over && over.tile < count && over.row < height && over.column < width ? over : null;
  useAsk(exact, spot ? unitOf(picture, spot.tile) : null, push.seq);
  useAsk(exact, pinned ? unitOf(picture, tile) : null, push.seq);
  const read = (at: Place) => reading(picture, props.codes, exact.get(unitOf(picture, at.tile)), at);
  const unit = spot && !alone ? `${unitWord(picture)} ${unitOf(picture, spot.tile)}  ` : "";
  const tip = spot ? unit + read(spot) : "";
  const value = pinned ? read({ tile, ...pinned }) : "";
  return (
    <div class="tvw-maps" data-alone={alone}>
      <div class="tvw-maps-all">
        {props.legend}
        <AtlasView {...props} tip={tip} over={spot} setOver={setOver} />
      </div>
      {!alone && <UnitView {...props} cell={pinned} setCell={setCell} value={value} />}
    </div>
  );
}

/** (3, 5) = 1.2417, or ≈ from the colour code until the exact value is here */
function reading(picture: Picture, codes: Uint8Array, exact: Exact | null, { tile, row, column }: Place): string {
  const [, height, width] = picture.tiles;
  if (exact) {
    const found = valueAt(exact, row, column, { height, width });
    return `(${found.row}, ${found.column}) = ${number(found.value, 5)}`;
  }
  const code = codes[(tile * height + row) * width + column] ?? 0;
  const { lo, hi } = limitsOf(picture, tile);
  return `(${row}, ${column}) ≈ ${number(decode(code, lo, hi), 2)}`;
}
