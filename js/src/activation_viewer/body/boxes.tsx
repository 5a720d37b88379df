import { useState } from "preact/hooks";
import { css, label } from "../../shared/colour";
import { number } from "../../shared/format";
import { useAsk } from "../exact";
import { SampleImage } from "../strip/sample_image";
import { inputIndex } from "./backdrop";
import type { PanelProps } from "./props";
import { read } from "./reading";

const SIDE = 280;
const MOST = 100;

/** The boxes [x₁, y₁, x₂, y₂] of a picture. */
export function boxesOf(props: Pick<PanelProps, "picture" | "codes" | "units">): number[][] {
  const [, count] = props.picture.tiles;
  return Array.from({ length: Math.min(MOST, count) }, (_, row) =>
    [0, 1, 2, 3].map((column) => read(props, 0, { row, column }).value),
  );
}

/** Boxes drawn over the input, and as a table. */
export function Boxes(props: PanelProps) {
  const { samples, units, push, picture } = props;
  const [marked, mark] = useState<number | null>(null);
  useAsk(units, 0, push.seq);
  const boxes = boxesOf(props);
  const [, total] = picture.tiles;
  const finite = boxes.flat().filter(Number.isFinite);
  const { height, width } = samples?.value ?? { height: 0, width: 0 };
  const furthest = Math.max(1, ...finite);
  const [high, wide] = samples?.value.size ?? (height ? [height, width] : [furthest, furthest]);
  const scale = SIDE / Math.max(high, wide, 1);
  const colour = (i: number) => css(label(1 + (i % 7)));
  return (
    <div class="tvw-boxes">
      <div class="tvw-unit-map tvw-boxes-image" style={{ width: `${wide * scale}px`, height: `${high * scale}px` }}>
        {samples && <SampleImage samples={samples} index={inputIndex(props)} fill />}
        <svg viewBox={`0 0 ${wide} ${high}`} data-testid="tvw-boxes" aria-hidden="true">
          {boxes.map(([x1 = 0, y1 = 0, x2 = 0, y2 = 0], i) => (
            <rect
              key={i}
              x={Math.min(x1, x2)}
              y={Math.min(y1, y2)}
              width={Math.abs(x2 - x1)}
              height={Math.abs(y2 - y1)}
              data-marked={i === marked}
              style={{ stroke: colour(i) }}
            />
          ))}
        </svg>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div class="tvw-table" tabIndex={0} role="region" aria-label="boxes">
        <table>
          <thead>
            <tr>
              {["box", "x₁", "y₁", "x₂", "y₂"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {boxes.map((box, i) => (
              <tr key={i} data-marked={i === marked} onPointerEnter={() => mark(i)} onPointerLeave={() => mark(null)}>
                <th scope="row">
                  <i style={{ background: colour(i) }} />
                  {i}
                </th>
                {box.map((value, k) => (
                  <td key={k}>{number(value, 4)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {total > MOST && <p class="tvw-hint">{`the first ${MOST} of ${total}`}</p>}
      </div>
    </div>
  );
}
