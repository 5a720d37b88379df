import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Atlas, hitAtlas, layoutAtlas, rowsBetween, tilePlace } from "../../shared/atlas";
import { useRatio, useSize } from "../../shared/hooks";
import { onGrid } from "../../shared/keyboard";
import { paint, renderRows } from "../../shared/pixels";
import { colours, unitName, unitOf, unitWord } from "../picture";
import { Backdrop } from "./backdrop";
import { dataOf } from "./data";
import { AtlasMarks } from "./marks";
import type { Cell, PanelProps } from "./props";

export interface Place extends Cell {
  tile: number;
}

interface Props extends PanelProps {
  tile: number;
  tip: string;
  over: Place | null;
  setOver(place: Place | null): void;
}

const LIMIT = 276;
const SCROLLBAR = 12;

/** All units as tiles. Only the rows in view are on the page: a canvas that follows the scrolling. */
export function AtlasView(props: Props) {
  const { picture, codes, push, tile, setOver } = props;
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const [count, tileHeight, tileWidth] = picture.tiles;
  const atlas = useMemo(
    () => arrange(count, tileHeight, tileWidth, width, ratio),
    [count, tileHeight, tileWidth, width, ratio],
  );
  const { rows, follow } = useRows(atlas, ratio);
  useReveal(ref, atlas, tile, ratio);
  useLayoutEffect(() => {
    if (!atlas) return;
    paint(canvas.current, renderRows(atlas, codes, { height: tileHeight, width: tileWidth }, colours(picture), rows));
  }, [push, atlas, rows, props.index]);
  const hit = (event: MouseEvent) => {
    if (!atlas) return null;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * atlas.canvasWidth;
    return hitAtlas(atlas, x, top + (event.clientY - box.top) * ratio);
  };
  const choose = (next: number) => props.act.unit(unitOf(picture, next));
  const press = onGrid(tile, count, atlas?.columns ?? 1, choose);
  const top = atlas ? rows.first * (atlas.tileHeight + atlas.gap) : 0;
  return (
    <div class="tvw-atlas" ref={ref} onScroll={follow}>
      {atlas && (
        <div
          class="tvw-atlas-sheet"
          role="listbox"
          tabIndex={0}
          aria-label={`${picture.total} ${unitWord(picture)}s of ${push.value.layer}`}
          onKeyDown={press}
          style={{ width: `${atlas.canvasWidth / ratio}px`, height: `${atlas.canvasHeight / ratio}px` }}
        >
          <Backdrop {...props} atlas={atlas} rows={rows} top={top / ratio} />
          <canvas
            ref={canvas}
            style={{ top: `${top / ratio}px`, ...painted(atlas, rows, ratio), opacity: 1 - props.input }}
            {...report(atlas, props, top)}
            onClick={(event) => {
              const place = hit(event);
              if (place) choose(place.tile);
            }}
            onPointerMove={(event) => setOver(hit(event))}
            onPointerLeave={() => setOver(null)}
          />
          <AtlasMarks {...props} atlas={atlas} rows={rows} ratio={ratio} />
          {count > 1 && (
            <Outline atlas={atlas} tile={tile} ratio={ratio} name={unitName(picture, unitOf(picture, tile))} />
          )}
          {props.over && <Tip atlas={atlas} place={props.over} ratio={ratio} text={props.tip} />}
        </div>
      )}
    </div>
  );
}

export interface Rows {
  first: number;
  last: number;
}

/** The rows of tiles that are in view; a new object only when they are others. */
function useRows(atlas: Atlas | null, ratio: number) {
  const [scrolled, setScrolled] = useState(0);
  const waiting = useRef(false);
  const { first, last } = atlas ? rowsBetween(atlas, scrolled * ratio, (scrolled + LIMIT) * ratio) : NO_ROWS;
  const rows = useMemo(() => ({ first, last }), [first, last]);
  const follow = (event: Event) => {
    const box = event.currentTarget as HTMLElement;
    if (waiting.current) return;
    waiting.current = true;
    requestAnimationFrame(() => {
      waiting.current = false;
      setScrolled(box.scrollTop);
    });
  };
  return { rows, follow };
}

const NO_ROWS: Rows = { first: 0, last: 0 };

/** Scrolls to the chosen tile when another one is chosen, and never while the user scrolls. */
function useReveal(ref: { current: HTMLElement | null }, atlas: Atlas | null, tile: number, ratio: number): void {
  useLayoutEffect(() => {
    const box = ref.current;
    if (!box || !atlas) return;
    const top = tilePlace(atlas, tile).y / ratio;
    const bottom = top + atlas.tileHeight / ratio;
    if (top < box.scrollTop) box.scrollTop = Math.max(0, top - 2);
    else if (bottom > box.scrollTop + box.clientHeight) box.scrollTop = bottom - box.clientHeight + 6;
  }, [atlas, tile]);
}

function painted(atlas: Atlas, { first, last }: Rows, ratio: number) {
  const height = (last - first) * (atlas.tileHeight + atlas.gap) - atlas.gap;
  return { width: `${atlas.canvasWidth / ratio}px`, height: `${height / ratio}px` };
}

function arrange(count: number, height: number, width: number, room: number, ratio: number): Atlas | null {
  if (!room || !count || !height || !width) return null;
  const space = { count, height, width, limit: LIMIT, ratio };
  const atlas = layoutAtlas({ ...space, room: room - 4 });
  return atlas.canvasHeight > LIMIT * ratio ? layoutAtlas({ ...space, room: room - 4 - SCROLLBAR }) : atlas;
}

/** What the browser tests need to find the pixel of a value. */
function report(atlas: Atlas, props: Props, top: number) {
  return {
    ...dataOf("tvw-atlas", props),
    ...{ "data-columns": atlas.columns, "data-gap": atlas.gap, "data-scale": atlas.scale, "data-reduce": atlas.reduce },
    ...{ "data-tile-width": atlas.tileWidth, "data-tile-height": atlas.tileHeight, "data-top": top },
  };
}

function Outline({ atlas, tile, ratio, name }: { atlas: Atlas; tile: number; ratio: number; name: string }) {
  const { x, y } = tilePlace(atlas, tile);
  const style = {
    left: `${x / ratio - 2}px`,
    top: `${y / ratio - 2}px`,
    width: `${atlas.tileWidth / ratio + 4}px`,
    height: `${atlas.tileHeight / ratio + 4}px`,
  };
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the listbox has the focus and moves the choice
    <span class="tvw-atlas-outline" role="option" aria-selected="true" aria-label={name} style={style} />
  );
}

function Tip({ atlas, place, ratio, text }: { atlas: Atlas; place: Place; ratio: number; text: string }) {
  const { x, y } = tilePlace(atlas, place.tile);
  const right = x + atlas.tileWidth / 2 > atlas.canvasWidth / 2;
  const across = right
    ? { right: `${(atlas.canvasWidth - x - atlas.tileWidth) / ratio}px` }
    : { left: `${x / ratio}px` };
  const down =
    y === 0
      ? { top: `${(y + atlas.tileHeight) / ratio + 4}px` }
      : { bottom: `${(atlas.canvasHeight - y) / ratio + 4}px` };
  return (
    <span class="tvw-tip tvw-mono" style={{ ...across, ...down }}>
      {text}
    </span>
  );
}
