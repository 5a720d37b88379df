import { css, gradient, label, NEGATIVE_INFINITY, NOT_A_NUMBER, POSITIVE_INFINITY, SPECIAL } from "../../shared/colour";
import { number } from "../../shared/format";
import { Segmented, Select } from "../../shared/parts";
import type { View } from "../body/props";
import type { Picture } from "../frame";
import { SORTS } from "../state";
import { shown } from "../words";

const SCOPES = [
  { value: "unit", label: "unit", title: "each unit has its own colour limits" },
  { value: "layer", label: "layer", title: "one pair of limits for the layer at this epoch" },
  {
    value: "epochs",
    label: "all epochs",
    title: "one pair of limits for the layer over all epochs: change stays visible",
  },
] as const;

const MOST_LABELS = 8;

/** What the colours mean: how many units in which order, the map, its limits as numbers, and what they leave out. */
export function Legend(props: View & { picture: Picture }) {
  const { picture, state, act, push } = props;
  const { lens } = state;
  const own = lens.scope === "unit" && picture.unit_lo !== null;
  const fixed = picture.categories !== null || picture.kind === "image";
  return (
    <div class="tvw-caption tvw-legend-row" key="legend">
      <span>{shown(picture)}</span>
      {sortable(picture) && (
        <span>
          {"by "}
          <Select
            label="order of the units (s)"
            options={SORTS.map((value) => ({ value, label: value }))}
            value={lens.sort}
            choose={(sort) => act.look({ sort: sort as (typeof SORTS)[number] })}
          />
        </span>
      )}
      {picture.categories && <Labels categories={picture.categories} classes={push.value.classes} />}
      {!fixed && <Scale picture={picture} own={own} />}
      {picture.clipped > 0 && (
        <span title="values beyond the limits, drawn in the end colours">
          {picture.clipped.toLocaleString("en-US")} clipped
        </span>
      )}
      <Mark count={picture.nan} code={NOT_A_NUMBER} text="NaN" />
      <Mark count={picture.posinf} code={POSITIVE_INFINITY} text="+Inf" />
      <Mark count={picture.neginf} code={NEGATIVE_INFINITY} text="−Inf" />
      {!fixed && push.value.tab !== "weights" && (
        <Segmented label="colour limits" options={SCOPES} value={lens.scope} choose={(scope) => act.look({ scope })} />
      )}
      {lens.alive && push.value.dead !== null && push.value.dead > 0 && <span>{`${push.value.dead} dead hidden`}</span>}
      {picture.note && <span>{picture.note}</span>}
    </div>
  );
}

export function sortable({ total, tiles, kind }: Picture): boolean {
  return kind === "vector" ? total > 1 : tiles[0] > 1 && kind !== "image" && kind !== "volume";
}

function Scale({ picture, own }: { picture: Picture; own: boolean }) {
  return (
    <>
      <span class="tvw-legend" style={{ background: gradient(picture.diverging) }} />
      <span class="tvw-legend-limits">
        {own ? "each its own" : `${number(picture.lo, 2)} … ${number(picture.hi, 2)}`}
      </span>
    </>
  );
}

function Labels({ categories, classes }: { categories: [number, number][]; classes: string[] | null }) {
  const most = categories.slice(0, MOST_LABELS);
  return (
    <>
      {most.map(([value, count]) => (
        <span class="tvw-legend-mark" key={value} title={`${count.toLocaleString("en-US")} values`}>
          <i style={{ background: css(label(value)) }} />
          {classes?.[value] ?? value}
        </span>
      ))}
      {categories.length > most.length && <span>…</span>}
    </>
  );
}

function Mark({ count, code, text }: { count: number; code: number; text: string }) {
  const colour = SPECIAL[code];
  if (!count || !colour) return null;
  return (
    <span class="tvw-legend-mark tvw-warm">
      <i style={{ background: css(colour) }} />
      {count.toLocaleString("en-US")} {text}
    </span>
  );
}
