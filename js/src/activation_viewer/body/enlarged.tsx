import { useLayoutEffect, useRef } from "preact/hooks";
import { useRatio } from "../../shared/hooks";
import { blit, paint } from "../../shared/pixels";
import { colours } from "../picture";
import { SampleImage } from "../strip/sample_image";
import type { Cell, PanelProps } from "./props";

interface Props extends PanelProps {
  own: Uint8Array;
  /** the image of the strip to show through */
  behind: number | null;
  /** of its longer side, CSS px */
  side: number;
}

/** One tile large, in whole device pixels an element; over the input where it shows through. */
export function Enlarged({ picture, own, push, cell, setCell, behind, side, samples, input, index }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const [, height, width] = picture.tiles;
  const { scale, shrink } = enlargement(Math.max(height, width), side * ratio);
  useLayoutEffect(() => {
    const size = { width: width * scale, height: height * scale };
    const pixels = { ...size, rgba: new Uint32Array(size.width * size.height) };
    blit(pixels, 0, 0, own, { width, height }, colours(picture), { x: scale, y: scale, reduceX: 1, reduceY: 1 });
    paint(canvas.current, pixels);
  }, [push, own.byteOffset, scale, index]);
  const point = (event: PointerEvent) => setCell(cellAt(event, height, width));
  const [wide, high] = [(width * scale * shrink) / ratio, (height * scale * shrink) / ratio];
  const through = behind !== null && samples && input > 0;
  return (
    <div class="tvw-unit-map" style={{ width: `${wide}px`, height: `${high}px` }}>
      {through && <SampleImage samples={samples} index={behind} fill />}
      <canvas
        ref={canvas}
        style={{
          ...{ width: "100%", height: "100%", imageRendering: shrink < 1 ? "auto" : "pixelated" },
          opacity: through ? 1 - input : 1,
        }}
        data-testid="tvw-unit"
        data-scale={scale}
        onPointerMove={point}
        onPointerDown={point}
      />
      {cell && <Spot cell={cell} height={height} width={width} />}
    </div>
  );
}

/** The cell under the pointer, or null outside. */
export function cellAt(event: PointerEvent, height: number, width: number): Cell | null {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  const row = Math.floor(((event.clientY - box.top) / box.height) * height);
  const column = Math.floor(((event.clientX - box.left) / box.width) * width);
  return row >= 0 && column >= 0 && row < height && column < width ? { row, column } : null;
}

/** Whole device pixels an element, as on the atlas; where that would leave much room, larger and shrunk by the browser. */
function enlargement(elements: number, room: number): { scale: number; shrink: number } {
  const exact = room / elements;
  const scale = exact >= 4 ? Math.floor(exact) : Math.ceil(exact);
  return { scale, shrink: Math.min(1, exact / scale) };
}

/** Where the cell is. */
function Spot({ cell, height, width }: { cell: Cell; height: number; width: number }) {
  const style = {
    left: `${(cell.column / width) * 100}%`,
    top: `${(cell.row / height) * 100}%`,
    width: `${100 / width}%`,
    height: `${100 / height}%`,
  };
  return <span class="tvw-spot" style={style} />;
}
