import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { epochs as epochText, number, percent } from "../../shared/format";
import { useRatio, useSize, useThemeTick } from "../../shared/hooks";
import { onGrid } from "../../shared/keyboard";
import { Segmented } from "../../shared/parts";
import { floats, type Push } from "../../shared/wire";
import type { Actions } from "../actions";
import type { Frame, Ridges } from "../frame";
import type { State } from "../state";
import { asRecorded } from "../words";
import { paintRidges } from "./paint_ridges";
import { hitRidge, layoutRidges, tallest } from "./ridge_lines";

const HEIGHT = 300;
const LEFT = 58;
const SPREADS = [
  { value: "activations", label: "activations" },
  { value: "weights", label: "weights" },
] as const;

interface Spot {
  row: number;
  bin: number;
}

interface Props {
  ridges: Push<Ridges> | null;
  frame: Frame | null;
  state: State;
  act: Actions;
}

/** How a layer's values are spread, epoch after epoch. */
export function Distribution(props: Props) {
  const { ridges, frame, state, act } = props;
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [spot, setSpot] = useState<Spot | null>(null);
  const ratio = useRatio();
  const theme = useThemeTick();
  const shares = useMemo(() => floats(ridges?.buffers[0]), [ridges]);
  const about = ridges?.value;
  const rows = about?.steps.length ?? 0;
  const bins = about?.bins ?? 0;
  const layout = useMemo(
    () => layoutRidges({ rows, bins, width: width * ratio, height: HEIGHT * ratio, left: LEFT * ratio }),
    [rows, bins, width, ratio],
  );
  useLayoutEffect(() => {
    if (!canvas.current || !about || !width) return;
    paintRidges(canvas.current, layout, shares, about, { most: tallest(shares), row: spot?.row ?? null, ratio });
  }, [ridges, layout, spot?.row, theme]);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    setSpot(hitRidge(layout, (event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio));
  };
  const at = spot ?? { row: about?.at ?? 0, bin: Math.floor(bins / 2) };
  const press = onGrid(at.row * bins + at.bin, rows * bins, bins, (next) =>
    setSpot({ row: Math.floor(next / bins), bin: next % bins }),
  );
  return (
    <div class="tvw-distribution" ref={ref}>
      <div class="tvw-caption">
        <Segmented
          label="distribution of"
          options={SPREADS}
          value={state.lens.spread}
          choose={(spread) => act.look({ spread })}
        />
        <span>{about ? heading(about) : "counting…"}</span>
        <span class="tvw-as-recorded">{asRecorded(frame)}</span>
      </div>
      <canvas
        ref={canvas}
        role="slider"
        tabIndex={0}
        aria-label="epoch of the histogram read"
        aria-valuemin={0}
        aria-valuemax={Math.max(0, rows - 1)}
        aria-valuenow={spot?.row ?? about?.at ?? 0}
        aria-valuetext={about && spot ? reading(about, shares, spot) : heading(about)}
        data-testid="tvw-ridges"
        data-rows={rows}
        data-at={about?.at}
        data-frame={ridges?.seq}
        style={{ width: `${width}px`, height: `${HEIGHT}px` }}
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={() => setSpot(null)}
        onKeyDown={press}
      />
      <div class="tvw-axis tvw-mono" style={{ paddingLeft: `${LEFT}px` }}>
        <span>{about ? number(about.lo, 2) : ""}</span>
        <span>{about ? number(about.hi, 2) : ""}</span>
      </div>
      <div class="tvw-unit-value tvw-mono" data-testid="tvw-ridge-value">
        {about && spot && spot.row < rows ? (
          reading(about, shares, spot)
        ) : (
          <span class="tvw-hint">point at a ridge</span>
        )}
      </div>
    </div>
  );
}

function heading(about: Ridges | undefined): string {
  if (!about) return "";
  const n = about.steps.length;
  return `${n} snapshot${n === 1 ? "" : "s"}${about.done ? "" : ", counting…"}`;
}

export function epochName(about: { epochs: (number | null)[]; steps: number[] }, row: number): string {
  const epoch = about.epochs[row];
  return epoch === null || epoch === undefined ? `step ${about.steps[row] ?? 0}` : `epoch ${epochText(epoch)}`;
}

/** epoch 5: 12.3 % of the values in 0.21 … 0.26 */
export function reading(about: Ridges, shares: Float32Array, { row, bin }: Spot): string {
  const share = shares[row * about.bins + bin] ?? Number.NaN;
  const edge = (i: number) => number(about.lo + ((about.hi - about.lo) * i) / about.bins, 3);
  const found = Number.isFinite(share) ? `${percent(share)} of the values` : "not counted yet";
  return `${epochName(about, row)}: ${found} in ${edge(bin)} … ${edge(bin + 1)}`;
}
