import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { paintCodes } from "../shared/atlas";
import { LEVELS } from "../shared/colour";
import { number } from "../shared/format";
import { useRatio } from "../shared/hooks";
import { colours, limitsOf, unitOf, unitWord } from "./frame";
import type { Cell, MapsProps } from "./maps";
import { SampleImage } from "./strip";

const SIDE = 210;
const INPUT = 64;
const BINS = 42;

interface Props extends MapsProps {
  cell: Cell | null;
  setCell(cell: Cell): void;
  value: string;
}

/** One unit enlarged; beside it the input, the value pointed at, and how its values are spread. */
export function UnitView(props: Props) {
  const { picture, codes, tile, samples, cell, state } = props;
  const [, height, width] = picture.tiles;
  const own = codes.subarray(tile * height * width, (tile + 1) * height * width);
  const image = samples?.value.height ? samples : null;
  return (
    <div class="tvw-unit">
      <div class="tvw-caption">
        {unitWord(picture)} {unitOf(picture, tile)} on sample {state.sample}
      </div>
      <Enlarged {...props} own={own} />
      <div class="tvw-unit-foot">
        {image && (
          <div class="tvw-unit-input" title="the input">
            <SampleImage samples={image} index={state.sample} size={INPUT} />
            {cell && <Spot cell={cell} height={height} width={width} />}
          </div>
        )}
        <div>
          <div class="tvw-unit-value tvw-mono">{props.value || <span class="tvw-hint">point at a cell</span>}</div>
          <Histogram own={own} {...limitsOf(picture, tile)} />
        </div>
      </div>
    </div>
  );
}

function Enlarged({ picture, own, push, cell, setCell }: Props & { own: Uint8Array }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const [, height, width] = picture.tiles;
  const { scale, shrink } = enlargement(Math.max(height, width), ratio);
  useLayoutEffect(() => {
    const context = sized(canvas.current, width * scale, height * scale);
    const at = { x: 0, y: 0, width: width * scale, height: height * scale };
    if (context) paintCodes(context, own, { width, height }, colours(picture), at, document.createElement("canvas"));
  }, [push, own.byteOffset, scale]);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * height);
    const column = Math.floor(((event.clientX - box.left) / box.width) * width);
    if (row >= 0 && column >= 0 && row < height && column < width) setCell({ row, column });
  };
  const style = { width: `${(width * scale * shrink) / ratio}px`, height: `${(height * scale * shrink) / ratio}px` };
  return (
    <div class="tvw-unit-map" style={style}>
      <canvas
        ref={canvas}
        style={{ width: "100%", height: "100%", imageRendering: shrink < 1 ? "auto" : "pixelated" }}
        data-testid="tvw-unit"
        data-scale={scale}
        onPointerMove={point}
        onPointerDown={point}
      />
      {cell && <Spot cell={cell} height={height} width={width} />}
    </div>
  );
}

/** Whole device pixels an element, as on the atlas; where that would leave much room, larger and shrunk by the browser. */
function enlargement(side: number, ratio: number): { scale: number; shrink: number } {
  const exact = (SIDE * ratio) / side;
  const scale = exact >= 4 ? Math.floor(exact) : Math.ceil(exact);
  return { scale, shrink: Math.min(1, exact / scale) };
}

function sized(canvas: HTMLCanvasElement | null, width: number, height: number): CanvasRenderingContext2D | null {
  if (!canvas) return null;
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext("2d");
}

/** Where the cell is, on the map and on the input alike. */
function Spot({ cell, height, width }: { cell: Cell; height: number; width: number }) {
  const style = {
    left: `${(cell.column / width) * 100}%`,
    top: `${(cell.row / height) * 100}%`,
    width: `${100 / width}%`,
    height: `${100 / height}%`,
  };
  return <span class="tvw-spot" style={style} />;
}

/** Counts of the finite codes in equal bins. */
export function binned(codes: Uint8Array, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const code of codes) {
    if (code >= LEVELS) continue;
    const bin = Math.min(bins - 1, Math.floor((code / LEVELS) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

function Histogram({ own, lo, hi }: { own: Uint8Array; lo: number; hi: number }) {
  const counts = useMemo(() => binned(own, BINS), [own]);
  const most = Math.max(1, ...counts);
  return (
    <div class="tvw-histogram" title={`values from ${number(lo, 2)} to ${number(hi, 2)}`}>
      <svg viewBox={`0 0 ${BINS * 5 - 1} 40`} preserveAspectRatio="none" aria-hidden="true">
        {counts.map((n, i) => {
          const height = n ? Math.max(1, (n / most) * 40) : 0;
          return <rect key={i} x={i * 5} y={40 - height} width={4} height={height} />;
        })}
      </svg>
    </div>
  );
}
