import { MEASURE_NAMES, type Measure, told } from "./measure";

/** What the colour says, in numbers. */
export function Legend({ measure }: { measure: Measure }) {
  const beyond = [...measure.values.values()].some((value) => value > measure.hi);
  return (
    <div class="tvw-map-legend tvw-num">
      <span>{MEASURE_NAMES[measure.by]}</span>
      <span>0</span>
      <span class="tvw-map-ramp" aria-hidden="true" />
      <span>{`${told(measure.hi, measure)}${beyond ? " +" : ""}`}</span>
    </div>
  );
}
