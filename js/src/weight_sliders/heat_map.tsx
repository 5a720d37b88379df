import { useLayoutEffect, useRef } from "preact/hooks";
import { lut } from "../shared/colour";
import { number } from "../shared/format";
import { useRatio, useSize } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import { context2d, paintCodes, sized } from "../shared/pixels";
import { bytes, type Push } from "../shared/wire";
import { extentNote, heatSize, type Picked, type TensorInfo, type Weights } from "./weights";

interface HeatProps {
  tensor: TensorInfo;
  push: Push<Weights>;
  buffer: DataView | undefined;
  picked: Picked | null;
  latest: Latest;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};
/** px left and right of the map, as in style.css */
const MARGINS = 20;
const FINE: Record<string, number> = { "+": 0.01, "=": 0.01, "-": -0.01 };

/** The values: a click picks one, a drag from it to the right or the left makes it larger or smaller. */
export function HeatMap({ tensor, push, buffer, picked, latest }: HeatProps) {
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const { rows, cols } = tensor;
  const size = heatSize(tensor, Math.max(0, width - MARGINS));
  useLayoutEffect(() => {
    if (canvas.current) paintHeat(canvas.current, bytes(buffer), tensor, size, ratio);
  }, [push, buffer, size.width, size.height, ratio]);
  const pick = (row: number, col: number) => latest.send("pick", { tensor: tensor.name, row, col });
  const set = (value: number, done: boolean) =>
    picked &&
    latest.send("edit", { change: "set", tensor: tensor.name, index: picked.index, value, done }, "edit cell");
  const drag = useDrag(picked, tensor.editable, set);
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const col = Math.floor(((event.clientX - box.left) / box.width) * cols);
    drag.begin(event, pick(Math.min(rows - 1, Math.max(0, row)), Math.min(cols - 1, Math.max(0, col))));
  };
  const press = (event: KeyboardEvent) => {
    const [step, fine] = [ARROWS[event.key], FINE[event.key]];
    if ((!step && !fine) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (fine && picked) void set(picked.value + fine * picked.hi, true);
    if (!step) return;
    const [row, col] = picked ? [picked.row + step[0], picked.col + step[1]] : [0, 0];
    if (row >= 0 && row < rows && col >= 0 && col < cols) void pick(row, col);
  };
  const style = { width: `${size.width}px`, height: `${size.height}px` };
  const range = `${number(tensor.lo, 2)} … ${number(tensor.hi, 2)}`;
  return (
    <div ref={ref}>
      <div
        class="tvw-heat"
        style={style}
        tabIndex={0}
        role="listbox"
        aria-label={`values of ${tensor.name}, ${extentNote(tensor)}, from ${number(tensor.lo)} to ${number(tensor.hi)}`}
        title={`${extentNote(tensor)}\n${range}\nclick a value, then drag it to the right or the left`}
        onPointerDown={down}
        onPointerMove={drag.move}
        onPointerUp={drag.end}
        onPointerCancel={drag.end}
        onKeyDown={press}
      >
        <canvas ref={canvas} data-testid="tvw-heat" data-tensor={tensor.name} data-frame={push.seq} />
        {picked && <PickedCell picked={picked} rows={rows} cols={cols} />}
      </div>
    </div>
  );
}

/** px that a drag takes to make a value larger by all that its slider has */
const REACH = 160;
const THRESHOLD = 3;

interface Dragging {
  x: number;
  ready: boolean;
  /** the value as it was, once the drag has moved it */
  from: number | null;
  value: number;
}

/** A drag that begins on a cell, which has to be picked first. */
function useDrag(picked: Picked | null, editable: boolean, set: (value: number, done: boolean) => unknown) {
  const drag = useRef<Dragging | null>(null);
  const begin = async (event: PointerEvent, pick: Promise<unknown>) => {
    const begun: Dragging = { x: event.clientX, ready: false, from: null, value: 0 };
    drag.current = begun;
    (event.currentTarget as Element).setPointerCapture?.(event.pointerId);
    await pick;
    begun.ready = true;
  };
  const move = (event: PointerEvent) => {
    const now = drag.current;
    if (!now?.ready || !picked || !editable) return;
    const by = event.clientX - now.x;
    if (now.from === null && Math.abs(by) < THRESHOLD) return;
    now.from ??= picked.value;
    now.value = now.from + (by / REACH) * picked.hi;
    void set(now.value, false);
  };
  const end = () => {
    const now = drag.current;
    drag.current = null;
    if (now && now.from !== null) void set(now.value, true);
  };
  return { begin, move, end };
}

/** At least one device px a value: where there are more values than pixels the browser averages. */
function paintHeat(
  canvas: HTMLCanvasElement,
  codes: Uint8Array,
  { rows, cols }: TensorInfo,
  size: { width: number; height: number },
  ratio: number,
): void {
  sized(canvas, Math.max(cols, Math.round(size.width * ratio)), Math.max(rows, Math.round(size.height * ratio)));
  canvas.style.imageRendering = canvas.width > size.width * ratio + 1 ? "auto" : "pixelated";
  const context = context2d(canvas);
  const at = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const sheet = document.createElement("canvas");
  context?.clearRect(0, 0, at.width, at.height);
  if (context) paintCodes(context, codes, { width: cols, height: rows }, lut(true), at, sheet);
}

function PickedCell({ picked, rows, cols }: { picked: Picked; rows: number; cols: number }) {
  const style = {
    left: `${(picked.col / cols) * 100}%`,
    top: `${(picked.row / rows) * 100}%`,
    width: `max(${100 / cols}%, 3px)`,
    height: `max(${100 / rows}%, 3px)`,
  };
  const name = `[${picked.index.join(", ")}]`;
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the listbox has the focus and moves the choice
    <span class="tvw-heat-picked" role="option" aria-selected="true" aria-label={name} style={style} />
  );
}
