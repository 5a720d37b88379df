import { useLayoutEffect, useRef } from "preact/hooks";
import { lut } from "../shared/colour";
import { fixed, number } from "../shared/format";
import { useRatio, useSize } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import { paintCodes } from "../shared/pixels";

import { bytes, type Push } from "../shared/wire";
import { Slider } from "./slider";
import { extentNote, heatSize, type Picked, shortName, type TensorInfo, type Weights } from "./weights";

interface Props {
  tensor: TensorInfo;
  push: Push<Weights>;
  buffer: DataView | undefined;
  latest: Latest;
}

/** One tensor: its gain, its values as a heat map, and the value picked on it. */
export function TensorRow({ tensor, push, buffer, latest }: Props) {
  const { picked } = push.value;
  const own = picked?.tensor === tensor.name ? picked : null;
  const about = `${tensor.name}\n${extentNote(tensor)}`;
  const pick = (row: number, col: number) => void latest.send("pick", { tensor: tensor.name, row, col });
  return (
    <div class="tvw-tensor">
      <Slider
        label={`${shortName(tensor.name)} · gain`}
        title={about}
        value={tensor.gain}
        lo={0}
        hi={2}
        step={0.01}
        rest={1}
        disabled={!tensor.editable}
        text={(value) => value.toFixed(2)}
        latest={latest}
        op="gain"
        target={{ tensor: tensor.name }}
      />
      <HeatMap tensor={tensor} push={push} buffer={buffer} picked={own} pick={pick} />
      {own && (
        <Slider
          key={own.index.join()}
          label={`${shortName(tensor.name).split(".").at(-1)}[${own.index.join(", ")}]`}
          title={`${tensor.name}[${own.index.join(", ")}]`}
          value={own.value}
          lo={own.lo}
          hi={own.hi}
          step={(own.hi - own.lo) / 400 || 0.001}
          disabled={!tensor.editable}
          text={(value) => fixed(value, 3)}
          latest={latest}
          op="set"
          target={{ tensor: tensor.name, index: own.index }}
        />
      )}
      {tensor.note && <div class="tvw-tensor-note">{tensor.note}</div>}
    </div>
  );
}

interface HeatProps {
  tensor: TensorInfo;
  push: Push<Weights>;
  buffer: DataView | undefined;
  picked: Picked | null;
  pick(row: number, col: number): void;
}

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
};

function HeatMap({ tensor, push, buffer, picked, pick }: HeatProps) {
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const { rows, cols } = tensor;
  const size = heatSize(tensor, Math.max(0, width - 4));
  useLayoutEffect(() => {
    if (canvas.current) paintHeat(canvas.current, bytes(buffer), tensor, size, ratio);
  }, [push, buffer, size.width, size.height, ratio]);
  const click = (event: MouseEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const col = Math.floor(((event.clientX - box.left) / box.width) * cols);
    pick(Math.min(rows - 1, Math.max(0, row)), Math.min(cols - 1, Math.max(0, col)));
  };
  const press = (event: KeyboardEvent) => {
    const step = ARROWS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [row, col] = picked ? [picked.row + step[0], picked.col + step[1]] : [0, 0];
    if (row >= 0 && row < rows && col >= 0 && col < cols) pick(row, col);
  };
  const style = { width: `${size.width}px`, height: `${size.height}px` };
  return (
    <div ref={ref}>
      <div
        class="tvw-heat"
        style={style}
        tabIndex={0}
        role="listbox"
        aria-label={`values of ${tensor.name}, ${extentNote(tensor)}, from ${number(tensor.lo)} to ${number(tensor.hi)}`}
        title={`${extentNote(tensor)}\n${number(tensor.lo, 2)} … ${number(tensor.hi, 2)}\nclick a value to change it`}
        onClick={click}
        onKeyDown={press}
      >
        <canvas ref={canvas} data-testid="tvw-heat" data-tensor={tensor.name} data-frame={push.seq} />
        {picked && <PickedCell picked={picked} rows={rows} cols={cols} />}
      </div>
    </div>
  );
}

/** At least one device px a value: where there are more values than pixels the browser averages. */
function paintHeat(
  canvas: HTMLCanvasElement,
  codes: Uint8Array,
  { rows, cols }: TensorInfo,
  size: { width: number; height: number },
  ratio: number,
): void {
  canvas.width = Math.max(cols, Math.round(size.width * ratio));
  canvas.height = Math.max(rows, Math.round(size.height * ratio));
  canvas.style.imageRendering = canvas.width > size.width * ratio + 1 ? "auto" : "pixelated";
  const context = canvas.getContext("2d");
  const at = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const sheet = document.createElement("canvas");
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
