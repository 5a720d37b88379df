import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useRatio } from "../../shared/hooks";
import { Button } from "../../shared/parts";
import type { Actions } from "../actions";
import { blank, type Point, penRadius, stroke } from "./ink";
import { Paced } from "./paced";

const SIDE = 168;
const PAUSE = 50;

/** A sheet to draw an input on; every stroke is sent while it is drawn, so that the layers answer live. */
export function DrawingPad(props: { size: { height: number; width: number }; act: Actions; close(): void }) {
  const { height, width } = props.size;
  const canvas = useRef<HTMLCanvasElement>(null);
  const sheet = useMemo(() => blank(height, width), [height, width]);
  const act = useRef(props.act);
  act.current = props.act;
  const paced = useMemo(
    () => new Paced((ink: Uint8Array) => act.current.draw({ height, width }, ink), PAUSE),
    [height, width],
  );
  const [erasing, setErasing] = useState(false);
  const last = useRef<Point | null>(null);
  const ratio = useRatio();
  const scale = SIDE / Math.max(height, width);
  const show = () => paintSheet(canvas.current, sheet.ink, height, width);
  useLayoutEffect(show, [sheet, ratio]);
  const changed = () => {
    show();
    paced.push(sheet.ink.slice());
  };
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = {
      x: ((event.clientX - box.left) / box.width) * width,
      y: ((event.clientY - box.top) / box.height) * height,
    };
    if (event.buttons === 0 && event.type !== "pointerdown") return;
    const rub = erasing || event.button === 5 || event.buttons === 32;
    stroke(sheet, last.current ?? at, at, penRadius(sheet) * (rub ? 1.6 : 1), rub);
    last.current = at;
    changed();
  };
  const down = (event: PointerEvent) => {
    event.preventDefault();
    (event.currentTarget as Element).setPointerCapture?.(event.pointerId);
    last.current = null;
    move(event);
  };
  const up = () => {
    last.current = null;
  };
  return (
    <div class="tvw-pad" role="group" aria-label="drawing pad">
      <canvas
        ref={canvas}
        role="img"
        aria-label="drawn with the pointer"
        data-testid="tvw-pad"
        style={{ width: `${width * scale}px`, height: `${height * scale}px` }}
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={up}
        onPointerCancel={up}
      />
      <div class="tvw-pad-tools">
        <p class="tvw-hint">{`Draw here: ${height}×${width}, the layers answer as you draw.`}</p>
        <Button pressed={erasing} act={() => setErasing(!erasing)}>
          Erase
        </Button>
        <Button
          act={() => {
            sheet.ink.fill(0);
            changed();
          }}
        >
          Clear
        </Button>
        <Button act={props.close}>Close</Button>
      </div>
    </div>
  );
}

function paintSheet(canvas: HTMLCanvasElement | null, ink: Uint8Array, height: number, width: number): void {
  if (!canvas) return;
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  for (const [i, level] of ink.entries()) image.data.set([level, level, level, 255], 4 * i);
  context.putImageData(image, 0, 0);
}
