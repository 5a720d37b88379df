import { useLayoutEffect, useRef } from "preact/hooks";
import { LEVELS, pack } from "../../shared/colour";
import { number } from "../../shared/format";
import { useRatio } from "../../shared/hooks";
import { type Pixels, paint } from "../../shared/pixels";
import { dataOf } from "./data";
import { cellAt } from "./enlarged";
import type { PanelProps } from "./props";
import { read } from "./reading";

const SIDE = 290;

/** Three tiles as red, green and blue, or one as grey, `scale` pixels an element. */
export function renderImage(
  codes: Uint8Array,
  [count, height, width]: [number, number, number],
  scale: number,
): Pixels {
  const area = height * width;
  const level = (tile: number, i: number) => {
    const code = codes[Math.min(tile, count - 1) * area + i] ?? 0;
    return Math.round((Math.min(code, LEVELS - 1) / (LEVELS - 1)) * 255);
  };
  const pixels = { width: width * scale, height: height * scale, rgba: new Uint32Array(area * scale * scale) };
  for (let i = 0; i < pixels.rgba.length; i++) {
    const row = Math.floor(Math.floor(i / pixels.width) / scale);
    const at = row * width + Math.floor((i % pixels.width) / scale);
    pixels.rgba[i] = pack([level(0, at), level(1, at), level(2, at)]);
  }
  return pixels;
}

/** An image as an image. */
export function ImageView(props: PanelProps) {
  const { picture, codes, push, units, cell, setCell } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const [count, height, width] = picture.tiles;
  const room = (SIDE * ratio) / Math.max(height, width);
  const scale = Math.max(1, Math.floor(room));
  const shrink = Math.min(1, room / scale) / ratio;
  useLayoutEffect(() => {
    paint(canvas.current, renderImage(codes, picture.tiles, scale));
  }, [push, scale, props.index]);
  const at = cell && cell.row < height && cell.column < width ? cell : null;
  const tiles = Array.from({ length: Math.min(3, count) }, (_, tile) => tile);
  useLayoutEffect(() => {
    if (at) for (const tile of tiles) units.ask(tile);
  }, [Boolean(at), push.seq]);
  const values = at ? tiles.map((tile) => read(props, tile, at)) : [];
  return (
    <div>
      <div
        class="tvw-unit-map"
        style={{ width: `${width * scale * shrink}px`, height: `${height * scale * shrink}px` }}
      >
        <canvas
          ref={canvas}
          {...dataOf("tvw-image", props)}
          data-scale={scale}
          style={{ width: "100%", height: "100%", imageRendering: scale > 1 ? "pixelated" : "auto" }}
          onPointerMove={(event) => setCell(cellAt(event, height, width))}
          onPointerLeave={() => setCell(null)}
        />
      </div>
      <div class="tvw-unit-value tvw-mono">
        {values[0] ? (
          `(${values[0].row}, ${values[0].column}) ${values[0].about ? "≈" : "="} ${values.map(({ value, about }) => number(value, about ? 2 : 4)).join(", ")}`
        ) : (
          <span class="tvw-hint">point at a pixel</span>
        )}
      </div>
    </div>
  );
}
