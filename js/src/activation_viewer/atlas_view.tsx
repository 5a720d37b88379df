import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Atlas, hitAtlas, layoutAtlas, paintAtlas, tilePlace } from "../shared/atlas";
import { useRatio, useSize } from "../shared/hooks";
import { gridMove } from "../shared/keyboard";
import { colours, unitOf, unitWord } from "./frame";
import type { MapsProps } from "./maps";

export interface Place {
  tile: number;
  row: number;
  column: number;
}

const LIMIT = 276;
const SCROLLBAR = 12;

interface Props extends MapsProps {
  tip: string;
  over: Place | null;
  setOver(place: Place | null): void;
}

export function AtlasView(props: Props) {
  const { picture, codes, push, tile, setTile, setOver } = props;
  const { ref, width } = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const ratio = useRatio();
  const [count, tileHeight, tileWidth] = picture.tiles;
  const atlas = useMemo(
    () => arrange(count, tileHeight, tileWidth, width, ratio),
    [count, tileHeight, tileWidth, width, ratio],
  );
  useLayoutEffect(() => {
    const size = { height: tileHeight, width: tileWidth };
    if (canvas.current && atlas) paintAtlas(canvas.current, codes, size, colours(picture), atlas);
  }, [push, atlas]);
  const hit = (event: MouseEvent) => {
    if (!atlas) return null;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * atlas.canvasWidth;
    const y = ((event.clientY - box.top) / box.height) * atlas.canvasHeight;
    return hitAtlas(atlas, x, y);
  };
  const press = (event: KeyboardEvent) => {
    const next = atlas ? gridMove(event.key, tile, count, atlas.columns) : null;
    if (next === null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    setTile(next);
  };
  const word = unitWord(picture);
  return (
    <div class="tvw-atlas" ref={ref}>
      {atlas && (
        <div
          class="tvw-atlas-sheet"
          role="listbox"
          tabIndex={0}
          aria-label={`${picture.total} ${word}s of ${push.value.layer}`}
          onKeyDown={press}
          style={{ width: `${atlas.canvasWidth / ratio}px`, height: `${atlas.canvasHeight / ratio}px` }}
        >
          <canvas
            ref={canvas}
            style={{ width: "100%", height: "100%" }}
            {...report(atlas, props)}
            onClick={(event) => {
              const place = hit(event);
              if (place) setTile(place.tile);
            }}
            onPointerMove={(event) => setOver(hit(event))}
            onPointerLeave={() => setOver(null)}
          />
          {count > 1 && <Outline atlas={atlas} tile={tile} ratio={ratio} name={`${word} ${unitOf(picture, tile)}`} />}
          {props.over && <Tip atlas={atlas} place={props.over} ratio={ratio} text={props.tip} />}
        </div>
      )}
    </div>
  );
}

function arrange(count: number, height: number, width: number, room: number, ratio: number): Atlas | null {
  if (!room || !count || !height || !width) return null;
  const space = { count, height, width, limit: LIMIT, ratio };
  const atlas = layoutAtlas({ ...space, room: room - 4 });
  return atlas.canvasHeight > LIMIT * ratio ? layoutAtlas({ ...space, room: room - 4 - SCROLLBAR }) : atlas;
}

/** What the browser tests need to find the pixel of a value. */
function report(atlas: Atlas, { picture, push }: Props) {
  return {
    "data-testid": "tvw-atlas",
    "data-columns": atlas.columns,
    "data-tile-width": atlas.tileWidth,
    "data-tile-height": atlas.tileHeight,
    "data-gap": atlas.gap,
    "data-scale": atlas.scale,
    "data-reduce": atlas.reduce,
    "data-lo": picture.lo,
    "data-hi": picture.hi,
    "data-diverging": picture.diverging,
    "data-frame": push.seq,
    "data-step": push.value.step,
    "data-layer": push.value.layer,
    "data-sample": push.value.sample,
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
  const below = y === 0;
  const down = below
    ? { top: `${(y + atlas.tileHeight) / ratio + 4}px` }
    : { bottom: `${(atlas.canvasHeight - y) / ratio + 4}px` };
  return (
    <span class="tvw-tip tvw-mono" style={{ ...across, ...down }}>
      {text}
    </span>
  );
}
