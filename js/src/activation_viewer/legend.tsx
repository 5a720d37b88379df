import { css, gradient, label, NEGATIVE_INFINITY, NOT_A_NUMBER, POSITIVE_INFINITY, SPECIAL } from "../shared/colour";
import { number } from "../shared/format";
import { Segmented } from "../shared/parts";
import { type Picture, shown } from "./frame";
import type { State } from "./index";

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

/** What the colours mean: how many units, the map, its limits as numbers, and what they leave out. */
export function Legend(props: { picture: Picture; scope: State["scope"]; setScope(scope: State["scope"]): void }) {
  const { picture } = props;
  const own = props.scope === "unit";
  return (
    <div class="tvw-caption" key="legend">
      <span>{shown(picture)}</span>
      {picture.categories ? <Labels categories={picture.categories} /> : <Scale picture={picture} own={own} />}
      {picture.clipped > 0 && (
        <span title="values beyond the limits, drawn in the end colours">
          {picture.clipped.toLocaleString("en-US")} clipped
        </span>
      )}
      <Mark count={picture.nan} code={NOT_A_NUMBER} text="NaN" />
      <Mark count={picture.posinf} code={POSITIVE_INFINITY} text="+Inf" />
      <Mark count={picture.neginf} code={NEGATIVE_INFINITY} text="−Inf" />
      <Segmented label="colour limits" options={SCOPES} value={props.scope} choose={props.setScope} />
      {picture.note && <span>{picture.note}</span>}
    </div>
  );
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

function Labels({ categories }: { categories: [number, number][] }) {
  const most = categories.slice(0, MOST_LABELS);
  return (
    <>
      {most.map(([value, count]) => (
        <span class="tvw-legend-mark" key={value} title={`${count.toLocaleString("en-US")} values`}>
          <i style={{ background: css(label(value)) }} />
          {value}
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
