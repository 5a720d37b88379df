import { useState } from "preact/hooks";
import { useAsk } from "../exact";
import { tileOf, unitName, unitOf } from "../picture";
import { AtlasView, type Place } from "./atlas_view";
import type { PanelProps } from "./props";
import { written } from "./reading";
import { UnitView } from "./unit_view";

/** The atlas of all units, and beside it the chosen one enlarged. */
export function Maps(props: PanelProps) {
  const { picture, push, units, cell } = props;
  const [over, setOver] = useState<Place | null>(null);
  const [count, height, width] = picture.tiles;
  const tile = tileOf(picture, props.state.unit);
  const at = cell && cell.row < height && cell.column < width ? cell : null;
  const spot = over && over.tile < count && over.row < height && over.column < width ? over : null;
  useAsk(units, spot ? unitOf(picture, spot.tile) : null, push.seq);
  useAsk(units, at ? unitOf(picture, tile) : null, push.seq);
  const tip = spot ? `${unitName(picture, unitOf(picture, spot.tile))}  ${written(props, spot.tile, spot)}` : "";
  return (
    <div class="tvw-maps" data-narrow={props.narrow} data-alone={count === 1}>
      {count > 1 && <AtlasView {...props} tile={tile} tip={tip} over={spot} setOver={setOver} />}
      <UnitView {...props} tile={tile} cell={at} />
    </div>
  );
}
