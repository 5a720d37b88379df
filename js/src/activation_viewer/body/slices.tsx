import { unravel } from "../picture";
import type { PanelProps } from "./props";

/** The unit of an index along one dimension of the lead, the others kept. */
export function sliceUnit(at: number[], lead: number[], axis: number, index: number): number {
  return at.reduce((unit, now, i) => unit * (lead[i] ?? 1) + (i === axis ? index : now), 0);
}

/** One slider for each dimension that the slices of a volume or a video run over. */
export function Slices({ picture, act, unit }: PanelProps & { unit: number }) {
  const at = unravel(unit, picture.lead);
  const names = picture.lead.length > 1 ? ["channel", ...picture.lead.slice(1).map(() => "slice")] : ["slice"];
  const nearest = (wanted: number) =>
    (picture.order ?? [wanted]).reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a));
  return (
    <div class="tvw-slices">
      {picture.lead.map((size, axis) => (
        <label class="tvw-through" key={axis}>
          <span>{names[axis]}</span>
          <input
            type="range"
            min={0}
            max={size - 1}
            value={at[axis] ?? 0}
            onInput={(event) => act.unit(nearest(sliceUnit(at, picture.lead, axis, event.currentTarget.valueAsNumber)))}
          />
          <span class="tvw-mono">{at[axis]}</span>
        </label>
      ))}
    </div>
  );
}
