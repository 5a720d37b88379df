import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Lut } from "../../shared/colour";
import { useRatio, useSize } from "../../shared/hooks";
import { onGrid } from "../../shared/keyboard";
import { paint } from "../../shared/pixels";
import { type HeatLayout, hitHeat, layoutHeat, renderHeat } from "./heat";
import type { Cell } from "./props";

interface Props {
  codes: Uint8Array;
  height: number;
  width: number;
  table: Lut;
  /** CSS px */
  limit: number;
  square?: boolean;
  label: string;
  rows?: string[] | undefined;
  columns?: string[] | undefined;
  cell: Cell | null;
  setCell(cell: Cell | null): void;
  /** a cell was clicked, or Enter pressed on it */
  choose?: ((cell: Cell) => void) | undefined;
  /** changes when the codes do */
  stamp: unknown;
  data: Record<string, unknown>;
}

/** CSS px: a name needs so much height, and its column at most so much width */
const READABLE = 9;
const NAMES = 84;

/** A heat map with names beside it; the row and the column of the cell pointed at are marked. */
export function HeatMap(props: Props) {
  const { codes, height, width, table, cell, setCell, rows, columns } = props;
  const { ref, width: room } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const beside = rows?.length ? NAMES + 6 : 0;
  const layout = useMemo(() => {
    if (room - beside < 8 || !height || !width) return null;
    const space = { height, width, room: room - beside - 2, limit: props.limit, ratio };
    return layoutHeat({ ...space, square: props.square ?? false });
  }, [room, beside, height, width, props.limit, ratio, props.square]);
  useLayoutEffect(() => {
    if (layout) paint(canvas.current, renderHeat(codes, { height, width }, table, layout));
  }, [props.stamp, codes.byteOffset, layout, table]);
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    setCell(layout ? hitHeat(layout, { height, width }, x, y) : null);
  };
  const press = onGrid((cell?.row ?? 0) * width + (cell?.column ?? 0), height * width, width, (next) =>
    setCell({ row: Math.floor(next / width), column: next % width }),
  );
  if (!layout) return <div ref={ref} class="tvw-heat-map" />;
  const size = { width: layout.canvasWidth / ratio, height: layout.canvasHeight / ratio };
  const named = columns?.length && size.width / width >= READABLE;
  return (
    <div ref={ref} class="tvw-heat-map" style={{ paddingLeft: `${beside}px` }}>
      {named && <Columns names={columns} count={width} span={size.width} marked={cell?.column} />}
      <div class="tvw-heat-box" style={{ width: `${size.width}px`, height: `${size.height}px` }}>
        {rows?.length && <Names names={rows} count={height} span={size.height} marked={cell?.row} />}
        <canvas
          ref={canvas}
          role="img"
          tabIndex={0}
          aria-label={props.label}
          {...props.data}
          {...about(layout)}
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={() => setCell(null)}
          onKeyDown={(event) => (event.key === "Enter" && cell ? props.choose?.(cell) : press(event))}
          onClick={() => cell && props.choose?.(cell)}
          style={{ width: "100%", height: "100%" }}
        />
        {cell && <Cross cell={cell} height={height} width={width} />}
      </div>
    </div>
  );
}

function about({ x, y, reduceX, reduceY, canvasWidth, canvasHeight }: HeatLayout) {
  return {
    ...{ "data-scale-x": x, "data-scale-y": y, "data-reduce-x": reduceX, "data-reduce-y": reduceY },
    ...{ "data-columns": 1, "data-gap": 0, "data-top": 0, "data-scale": x, "data-reduce": reduceX },
    ...{ "data-tile-width": canvasWidth, "data-tile-height": canvasHeight },
  };
}

interface NamesProps {
  names: string[];
  count: number;
  span: number;
  marked: number | undefined;
}

/** All names where there is room for them, else that of the row pointed at. */
function Names({ names, count, span, marked }: NamesProps) {
  const pitch = span / count;
  const all = pitch >= READABLE;
  return (
    <div class="tvw-names" aria-hidden="true">
      {names.slice(0, count).map((name, i) =>
        all || i === marked ? (
          <span key={i} data-marked={i === marked} style={{ top: `${(i + 0.5) * pitch}px` }}>
            {name}
          </span>
        ) : null,
      )}
    </div>
  );
}

function Columns({ names, count, span, marked }: NamesProps) {
  return (
    <div class="tvw-column-names" aria-hidden="true" style={{ width: `${span}px` }}>
      {names.slice(0, count).map((name, i) => (
        <span key={i} data-marked={i === marked} style={{ left: `${((i + 0.5) / count) * 100}%` }}>
          {name}
        </span>
      ))}
    </div>
  );
}

function Cross({ cell, height, width }: { cell: Cell; height: number; width: number }) {
  const [top, left] = [`${(cell.row / height) * 100}%`, `${(cell.column / width) * 100}%`];
  const [high, wide] = [`${100 / height}%`, `${100 / width}%`];
  return (
    <>
      <span class="tvw-cross" style={{ top, height: high, left: 0, width: "100%" }} />
      <span class="tvw-cross" style={{ left, width: wide, top: 0, height: "100%" }} />
      <span class="tvw-spot" style={{ top, left, width: wide, height: high }} />
    </>
  );
}
