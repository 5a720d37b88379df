import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { css, encode, LEVELS, lut } from "../../shared/colour";
import { number } from "../../shared/format";
import { useRatio, useSize, useThemeTick } from "../../shared/hooks";
import { onGrid } from "../../shared/keyboard";
import { context2d } from "../../shared/pixels";
import { useAsk } from "../exact";
import type { Picture } from "../frame";
import { dataOf } from "./data";
import { ablated } from "./marks";
import type { PanelProps } from "./props";
import { UnitTools } from "./unit_tools";
import { vectorValues } from "./vector";

const HEIGHT = 220;
/** CSS px of a bar */
const BROADEST = 56;

/** The units in the order that they stand in: as they are, or the strongest first. */
export function ranked(values: Float32Array, sort: string): number[] | null {
  if (sort !== "energy") return null;
  const size = (i: number) => Math.abs(values[i] ?? 0) || 0;
  return Array.from(values, (_, i) => i).sort((a, b) => size(b) - size(a) || a - b);
}

/** One bar a unit, about zero, in the colours of the legend. */
export function Bars(props: PanelProps) {
  const { picture, push, state } = props;
  const { ref, width: room } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [over, setOver] = useState<number | null>(null);
  const ratio = useRatio();
  const theme = useThemeTick();
  const values = vectorValues(props);
  const width = Math.min(room, values.length * BROADEST);
  const order = useMemo(() => ranked(values, state.lens.sort), [values, state.lens.sort]);
  const chosen = state.unit !== null && state.unit < values.length ? state.unit : null;
  const placeOf = (unit: number) => (order ? order.indexOf(unit) : unit);
  const unitAt = (place: number) => order?.[place] ?? place;
  const at = over ?? chosen;
  useAsk(props.units, at === null ? null : 0, push.seq);
  const off = ablated(state, push.value.key);
  useLayoutEffect(() => {
    const seen = order ? Float32Array.from(order, (unit) => values[unit] ?? 0) : values;
    const marks = { marked: at === null ? null : placeOf(at), off: [...off].map(placeOf) };
    if (canvas.current && width) paintBars(canvas.current, seen, picture, width * ratio, HEIGHT * ratio, ratio, marks);
  }, [push, values, order, width, ratio, at, theme, state.ablations]);
  const hit = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * values.length);
    return place >= 0 && place < values.length ? unitAt(place) : null;
  };
  const press = onGrid(placeOf(chosen ?? unitAt(0)), values.length, 1, (next) => props.act.unit(unitAt(next)));
  return (
    <div class="tvw-bars" ref={ref}>
      <canvas
        ref={canvas}
        role="slider"
        tabIndex={0}
        aria-label="unit"
        aria-valuemin={0}
        aria-valuemax={values.length - 1}
        aria-valuenow={chosen ?? 0}
        {...dataOf("tvw-bars", props)}
        style={{ width: `${width}px`, height: `${HEIGHT}px` }}
        onKeyDown={press}
        onPointerMove={(event) => setOver(hit(event))}
        onPointerLeave={() => setOver(null)}
        onClick={(event) => {
          const unit = hit(event);
          if (unit !== null) props.act.unit(unit);
        }}
      />
      <div class="tvw-bars-foot">
        <div class="tvw-unit-value tvw-mono">
          {at === null || values[at] === undefined ? (
            <span class="tvw-hint">point at a bar</span>
          ) : (
            `[${at}] = ${number(values[at], 5)}`
          )}
        </div>
        {chosen !== null && <UnitTools {...props} unit={chosen} />}
      </div>
    </div>
  );
}

interface Marks {
  marked: number | null;
  off: number[];
}

function paintBars(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  picture: Picture,
  width: number,
  height: number,
  ratio: number,
  marks: Marks,
): void {
  canvas.width = Math.round(width);
  canvas.height = Math.round(height);
  const context = context2d(canvas);
  if (!context) return;
  const lo = Math.min(0, picture.lo);
  const hi = Math.max(0, picture.hi);
  const y = (value: number) => ((hi - Math.min(hi, Math.max(lo, value))) / (hi - lo || 1)) * (canvas.height - 2) + 1;
  const pitch = canvas.width / values.length;
  const gap = pitch >= 4 * ratio ? Math.max(1, Math.round(pitch * 0.12)) : 0;
  const table = lut(picture.diverging);
  const theme = getComputedStyle(canvas);
  context.fillStyle = theme.getPropertyValue("outline-color");
  if (marks.marked !== null)
    context.fillRect(Math.floor(marks.marked * pitch), 0, Math.max(ratio, pitch), canvas.height);
  values.forEach((value, i) => {
    const code = encode(value, picture.lo, picture.hi);
    const left = Math.round(i * pitch);
    const wide = Math.max(1, Math.round((i + 1) * pitch) - left - gap);
    context.fillStyle = css(table[code] ?? [128, 128, 128]);
    // what is not a number has no height: a mark over the whole
    const [from, to] = code >= LEVELS ? [0, canvas.height] : [y(0), y(value)];
    context.fillRect(left, Math.min(from, to), wide, Math.max(1, Math.abs(to - from)));
  });
  context.fillStyle = theme.color;
  context.fillRect(0, Math.round(y(0)), canvas.width, Math.max(1, Math.round(ratio / 2)));
  context.strokeStyle = theme.color;
  for (const place of marks.off) {
    context.beginPath();
    context.moveTo(place * pitch, y(0) - 6 * ratio);
    context.lineTo((place + 1) * pitch, y(0) + 6 * ratio);
    context.moveTo(place * pitch, y(0) + 6 * ratio);
    context.lineTo((place + 1) * pitch, y(0) - 6 * ratio);
    context.stroke();
  }
}
