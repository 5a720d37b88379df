import { type Atlas, tilePlace } from "../../shared/atlas";
import { unitOf } from "../picture";
import type { Ablation, State } from "../state";
import type { Rows } from "./atlas_view";
import type { PanelProps } from "./props";

/** How one unit of a key, or one of its tokens, is switched off. */
export function ablationOf(state: State, key: string, unit: number, axis?: "token"): Ablation | undefined {
  return state.ablations.find((one) => one.key === key && one.unit === unit && (one.axis === "token") === !!axis);
}

/** The units of a key that are switched off. */
export function ablated(state: State, key: string): Set<number> {
  return new Set(state.ablations.filter((one) => one.key === key && one.axis !== "token").map(({ unit }) => unit));
}

export function pinned(state: State, key: string): Set<number> {
  return new Set(state.pins.filter((one) => one.key === key).map(({ unit }) => unit));
}

/** Tiles that are switched off are crossed out, pinned ones have a corner. */
export function AtlasMarks({ atlas, rows, ratio, state, push, picture }: PanelProps & Given) {
  if (push.value.tab === "weights") return null;
  const off = ablated(state, push.value.key);
  const held = pinned(state, push.value.key);
  if (!off.size && !held.size) return null;
  const tiles = [];
  for (let tile = rows.first * atlas.columns; tile < Math.min(atlas.count, rows.last * atlas.columns); tile++) {
    const unit = unitOf(picture, tile);
    if (off.has(unit) || held.has(unit)) tiles.push({ tile, off: off.has(unit), held: held.has(unit) });
  }
  const [wide, high] = [atlas.tileWidth / ratio, atlas.tileHeight / ratio];
  return (
    <svg class="tvw-marks" width={atlas.canvasWidth / ratio} height={atlas.canvasHeight / ratio} aria-hidden="true">
      {tiles.map((one) => {
        const { x, y } = tilePlace(atlas, one.tile);
        return (
          <g key={one.tile} transform={`translate(${x / ratio} ${y / ratio})`}>
            {one.off && <rect class="tvw-off-veil" width={wide} height={high} />}
            {one.off && <path class="tvw-off" d={`M0,0L${wide},${high}M0,${high}L${wide},0`} />}
            {one.held && <path class="tvw-held" d={`M${wide - 9},0h9v9z`} />}
          </g>
        );
      })}
    </svg>
  );
}

interface Given {
  atlas: Atlas;
  rows: Rows;
  ratio: number;
}
