import { limitsOf, tileCodes, unitName, unitOf } from "../picture";
import { Remote } from "../remote";
import { inputIndex, liesOverInput } from "./backdrop";
import { Enlarged } from "./enlarged";
import { Histogram } from "./histogram";
import type { PanelProps } from "./props";
import { written } from "./reading";
import { UnitTools } from "./unit_tools";

/** One unit enlarged; below it the value pointed at, what can be done with it, and how its values are spread. */
export function UnitView(props: PanelProps & { tile: number }) {
  const { picture, codes, tile, cell } = props;
  const own = tileCodes(picture, codes, tile);
  const unit = unitOf(picture, tile);
  const over = liesOverInput(props);
  return (
    <div class="tvw-unit">
      <div class="tvw-caption">
        <span>{where(props, unit)}</span>
      </div>
      <Enlarged
        {...props}
        own={own}
        behind={over ? inputIndex(props) : null}
        side={picture.tiles[0] === 1 ? 290 : props.narrow ? 150 : 210}
      />
      {picture.kind === "volume" && <Remote more={props.more} view="Slices" given={{ ...props, unit }} />}
      <div class="tvw-unit-value tvw-mono">
        {cell ? written(props, tile, cell) : <span class="tvw-hint">point at a cell</span>}
      </div>
      {picture.kind !== "labels" && (
        <>
          <UnitTools {...props} unit={unit} />
          {cell && picture.grid && <Remote more={props.more} view="PatchTools" given={{ ...props, ...cell }} />}
          <Histogram own={own} {...limitsOf(picture, tile)} />
        </>
      )}
      {over && (
        <label class="tvw-through">
          <span>input</span>
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={props.input}
            aria-label="how much of the input shows through"
            onInput={(event) => props.setInput(event.currentTarget.valueAsNumber)}
          />
        </label>
      )}
    </div>
  );
}

/** channel 11 on sample 3 */
function where({ picture, push, panel }: PanelProps, unit: number): string {
  const name = picture.tiles[0] > 1 ? unitName(picture, unit) : "";
  if (push.value.tab === "weights") return name;
  return `${name}${name ? " " : ""}on ${push.value.own ? "your input" : `sample ${panel.sample}`}`;
}
