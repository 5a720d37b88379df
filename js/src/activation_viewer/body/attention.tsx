import { useMemo } from "preact/hooks";
import { MASKED } from "../../shared/colour";
import { tileOf, unitOf } from "../picture";
import { Remote } from "../remote";
import { AtlasView } from "./atlas_view";
import type { PanelProps } from "./props";
import { UnitTools } from "./unit_tools";

/** The codes with what a causal mask hides marked as such: keys after the query. */
export function masked(codes: Uint8Array, count: number, height: number, width: number): Uint8Array {
  const hidden = codes.slice();
  const ahead = Math.max(0, width - height); // keys kept from before the first query
  for (let tile = 0; tile < count; tile++) {
    for (let row = 0; row < height; row++) {
      const from = (tile * height + row) * width;
      hidden.fill(MASKED, from + Math.min(width, row + 1 + ahead), from + width);
    }
  }
  return hidden;
}

/** All heads small, the chosen one large. */
export function Attention(props: PanelProps) {
  const { picture, push, state } = props;
  const [count, height, width] = picture.tiles;
  const causal = push.value.attention?.causal ?? false;
  const codes = useMemo(
    () => (causal ? masked(props.codes, count, height, width) : props.codes),
    [props.codes, causal, count, height, width],
  );
  const tile = tileOf(picture, state.unit);
  const given = { ...props, codes, tile };
  return (
    <div class="tvw-attention" data-alone={count === 1} data-narrow={props.narrow}>
      <div>
        {count > 1 && <AtlasView {...given} tip="" over={null} setOver={() => undefined} />}
        <UnitTools {...props} unit={unitOf(picture, tile)} />
        {picture.grid && <Remote more={props.more} view="LooksAt" given={given} />}
      </div>
      <Remote more={props.more} view="Head" given={given} />
    </div>
  );
}
