import { useMemo } from "preact/hooks";
import { number } from "../../shared/format";
import { floats } from "../../shared/wire";
import type { PanelProps } from "../body/props";
import { asRecorded } from "../words";
import { pinLines } from "./pin_lines";

const WIDTH = 210;
const HEIGHT = 34;

/** The pinned units over the epochs, one small plot each. */
export function PinPlots({ pins, state, push, act }: PanelProps) {
  const all = useMemo(() => floats(pins?.buffers[0]), [pins]);
  if (!pins || !state.pins.length) return null;
  const { steps } = pins.value;
  const kept = (pin: { key: string; unit: number }) =>
    state.pins.some(({ key, unit }) => key === pin.key && unit === pin.unit);
  const note = asRecorded(push.value);
  return (
    <ul class="tvw-pins" aria-label="pinned units over the epochs">
      {pins.value.pins.map((pin, i) => {
        if (!kept(pin)) return null;
        const own = all.subarray(i * 3 * steps.length, (i + 1) * 3 * steps.length);
        const line = pinLines(own, steps, push.value.step, WIDTH, HEIGHT);
        const here = pin.key === push.value.key;
        return (
          <li key={`${pin.key} ${pin.unit}`} class="tvw-pin">
            <span class="tvw-pin-name">
              {here ? (
                <button type="button" class="tvw-plain" onClick={() => act.unit(pin.unit)}>
                  {pin.label}
                </button>
              ) : (
                pin.label
              )}
            </span>
            <span class="tvw-mono tvw-pin-value">{number(valueAt(own, steps, push.value.step), 3)}</span>
            {here && (
              <button
                type="button"
                class="tvw-plain"
                aria-label={`unpin ${pin.label}`}
                onClick={() => act.pin(pin.unit, false)}
              >
                ×
              </button>
            )}
            <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" data-testid="tvw-pin" aria-hidden="true">
              <path class="tvw-band" d={line.band} />
              {line.here !== null && <path class="tvw-here" d={`M${line.here},0V${HEIGHT}`} />}
              <path class="tvw-line" d={line.mean} />
            </svg>
          </li>
        );
      })}
      {note && <li class="tvw-hint tvw-as-recorded">{note}</li>}
    </ul>
  );
}

/** The mean at the step on show, or at the last one before it. */
function valueAt(own: Float32Array, steps: number[], step: number): number | null {
  const i = steps.filter((one) => one <= step).length - 1;
  const value = own[i];
  return i < 0 || value === undefined || !Number.isFinite(value) ? null : value;
}
