import { useLayoutEffect, useRef } from "preact/hooks";
import { LEVELS, lut } from "../../shared/colour";
import { blit, paint } from "../../shared/pixels";
import { SampleImage } from "../strip/sample_image";
import { inputIndex } from "./backdrop";
import type { PanelProps } from "./props";

const SIDE = 132;
const CELL = 8;

/** The codes of the patches' weights, from the least to the greatest; `prefix` keys before them are no patches. */
export function patchCodes(weights: Float32Array, prefix: number): Uint8Array {
  const own = weights.subarray(prefix);
  const most = own.reduce((a, b) => Math.max(a, b), 0);
  const least = own.reduce((a, b) => Math.min(a, b), most);
  const share = (weight: number) => (most > least ? (weight - least) / (most - least) : 0);
  return Uint8Array.from(own, (weight) => Math.round(share(weight) * (LEVELS - 1)));
}

/** What one query looks at, over the image that the keys are patches of. */
export function Patches(props: PanelProps & { row: number; weights: Float32Array }) {
  const { picture, samples, weights, row } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [rows, columns] = picture.grid ?? [1, 1];
  const prefix = Math.max(0, weights.length - rows * columns);
  useLayoutEffect(() => {
    const size = { width: columns, height: rows };
    const pixels = { width: columns * CELL, height: rows * CELL, rgba: new Uint32Array(rows * columns * CELL * CELL) };
    const scale = { x: CELL, y: CELL, reduceX: 1, reduceY: 1 };
    blit(pixels, 0, 0, patchCodes(weights, prefix), size, lut(false), scale);
    paint(canvas.current, pixels);
  }, [weights, rows, columns, prefix]);
  const scale = SIDE / Math.max(rows, columns);
  const query = row - prefix;
  const token = query < 0 ? (prefix === 1 ? "class token" : `token ${row}`) : `patch ${query}`;
  return (
    <figure class="tvw-patches">
      <div class="tvw-unit-map" style={{ width: `${columns * scale}px`, height: `${rows * scale}px` }}>
        {samples && <SampleImage samples={samples} index={inputIndex(props)} fill />}
        <canvas ref={canvas} data-testid="tvw-patches" style={{ width: "100%", height: "100%" }} />
        {query >= 0 && (
          <span
            class="tvw-spot"
            style={{
              left: `${((query % columns) / columns) * 100}%`,
              top: `${(Math.floor(query / columns) / rows) * 100}%`,
              width: `${100 / columns}%`,
              height: `${100 / rows}%`,
            }}
          />
        )}
      </div>
      <figcaption>{`${token} looks at`}</figcaption>
    </figure>
  );
}
