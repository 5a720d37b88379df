import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { css, decode, encode, LEVELS, lut } from "../shared/colour";
import { number } from "../shared/format";
import { useRatio, useSize, useThemeTick } from "../shared/hooks";
import { gridMove } from "../shared/keyboard";
import type { Push } from "../shared/wire";
import { type Exact, useAsk } from "./exact";
import type { Frame, Picture } from "./frame";

export interface VectorProps {
  push: Push<Frame>;
  picture: Picture;
  codes: Uint8Array;
  exact: { get(unit: number): Exact | null; ask(unit: number): void };
}

const HEIGHT = 240;

/** The exact values where they are here, else what the colour codes stand for. */
export function vectorValues({ picture, codes, exact }: VectorProps): Float32Array {
  return exact.get(0)?.values ?? Float32Array.from(codes, (code) => decode(code, picture.lo, picture.hi));
}

/** One bar a unit, in order, about zero, in the colours of the legend. */
export function Bars(props: VectorProps) {
  const { picture, push } = props;
  const [unit, setUnit] = useState<number | null>(null);
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [over, setOver] = useState<number | null>(null);
  const ratio = useRatio();
  const theme = useThemeTick();
  const values = vectorValues(props);
  useAsk(props.exact, (over ?? unit) === null ? null : 0, push.seq);
  useLayoutEffect(() => {
    if (canvas.current && width) paintBars(canvas.current, values, picture, width, ratio, over ?? unit);
  }, [push, values, width, ratio, over, unit, theme]);
  const index = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * values.length);
    return at >= 0 && at < values.length ? at : null;
  };
  const press = (event: KeyboardEvent) => {
    const next = gridMove(event.key, unit ?? 0, values.length, 1);
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    setUnit(next);
  };
  const at = over ?? unit;
  return (
    <div class="tvw-bars" ref={ref}>
      <canvas
        ref={canvas}
        role="slider"
        tabIndex={0}
        aria-label="unit"
        aria-valuemin={0}
        aria-valuemax={values.length - 1}
        aria-valuenow={unit ?? 0}
        data-testid="tvw-bars"
        data-frame={push.seq}
        data-step={push.value.step}
        data-layer={push.value.layer}
        style={{ width: `${width}px`, height: `${HEIGHT}px` }}
        onKeyDown={press}
        onPointerMove={(event) => setOver(index(event))}
        onPointerLeave={() => setOver(null)}
        onClick={(event) => setUnit(index(event) ?? 0)}
      />
      <div class="tvw-unit-value tvw-mono">
        {at === null || values[at] === undefined ? (
          <span class="tvw-hint">point at a bar</span>
        ) : (
          `[${at}] = ${number(values[at], 5)}`
        )}
      </div>
    </div>
  );
}

function paintBars(
  canvas: HTMLCanvasElement,
  values: Float32Array,
  picture: Picture,
  width: number,
  ratio: number,
  marked: number | null,
): void {
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  const context = canvas.getContext("2d");
  if (!context) return;
  const lo = Math.min(0, picture.lo);
  const hi = Math.max(0, picture.hi);
  const y = (value: number) => ((hi - Math.min(hi, Math.max(lo, value))) / (hi - lo || 1)) * (canvas.height - 2) + 1;
  const pitch = canvas.width / values.length;
  const gap = pitch >= 4 * ratio ? Math.max(1, Math.round(pitch * 0.12)) : 0;
  const table = lut(picture.diverging);
  const theme = getComputedStyle(canvas);
  context.fillStyle = theme.getPropertyValue("outline-color");
  if (marked !== null) context.fillRect(Math.floor(marked * pitch), 0, Math.max(ratio, pitch), canvas.height);
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
}
