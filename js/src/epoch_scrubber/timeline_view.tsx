import { useMemo, useState } from "preact/hooks";
import { usePush, useSize } from "../shared/hooks";
import { howMany, inWords } from "../shared/marks";
import { floats, type Link } from "../shared/wire";
import type { State } from "./index";
import { curvePath, extent, label, markers, name, nearest, ticks } from "./timeline";

const HEIGHT = 36;

interface Props {
  state: State;
  link: Link;
  index: number;
  live: boolean;
  seek(index: number): void;
}

export function Timeline({ state, link, index, live, seek }: Props) {
  const { ref, width } = useSize<HTMLDivElement>();
  const [dragging, setDragging] = useState(false);
  const end = extent(state);
  const against = state.against === null ? -1 : state.steps.indexOf(state.against);
  const at = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return nearest(state.steps, ((event.clientX - box.left) / Math.max(1, box.width)) * end);
  };
  const grab = (event: PointerEvent) => {
    if (event.button !== 0 || state.steps.length === 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setDragging(true);
    seek(at(event));
  };
  const drag = (event: PointerEvent) => {
    if (dragging && at(event) !== index) seek(at(event));
  };
  return (
    <div
      class="tvw-timeline"
      ref={ref}
      role="slider"
      tabIndex={0}
      aria-label="epoch shown"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, state.steps.length - 1)}
      aria-valuenow={Math.max(0, index)}
      aria-valuetext={label(state, index, live)}
      aria-description={state.marks.length ? `${howMany(state.marks)}: ${inWords(state.marks).join("; ")}` : undefined}
      data-step={state.steps[index]}
      data-against={state.against ?? undefined}
      data-dragging={dragging}
      onPointerDown={grab}
      onPointerMove={drag}
      onPointerUp={() => setDragging(false)}
      onPointerCancel={() => setDragging(false)}
    >
      <svg width={width} height={HEIGHT + 8} aria-hidden="true">
        <rect class="tvw-timeline-ground" width={width} height={HEIGHT} rx={3} />
        <Curve link={link} end={end} width={width} />
        <Ticks state={state} width={width} />
        {against >= 0 && <Against x={((state.steps[against] ?? 0) / end) * width} text={name(state, against)} />}
        {state.steps.length > 0 && <Playhead x={((state.steps[index] ?? 0) / end) * width} text={name(state, index)} />}
        {/* above the playhead, which stands on the last of them when a training was stopped */}
        <Marks state={state} width={width} />
      </svg>
    </div>
  );
}

function Curve({ link, end, width }: { link: Link; end: number; width: number }) {
  const push = usePush<{ name: string; count: number }>(link, "curve");
  const path = useMemo(() => {
    if (!push || !width) return null;
    return curvePath(floats(push.buffers[0]), floats(push.buffers[1]), end, width, HEIGHT);
  }, [push, end, width]);
  if (!path) return null;
  return (
    <g>
      <path class="tvw-timeline-area" d={path.area} />
      <path class="tvw-timeline-curve" d={path.line}>
        <title>{push?.value.name}</title>
      </path>
    </g>
  );
}

/** The same tree as long as nothing in it changes: a long run's ticks are not compared again at every move. */
function Ticks({ state, width }: { state: State; width: number }) {
  return useMemo(
    () => (
      <g>
        {ticks(state, width).map((tick) => (
          <g key={tick.x} class={tick.kept ? "tvw-tick" : "tvw-tick tvw-tick-coming"}>
            <line x1={tick.x} x2={tick.x} y1={HEIGHT - (tick.text ? 5 : 3)} y2={HEIGHT} />
            {tick.text && (
              <text x={Math.min(width - 1, tick.x)} y={HEIGHT + 7.5} text-anchor={anchor(tick.x, width)}>
                {tick.text}
              </text>
            )}
          </g>
        ))}
      </g>
    ),
    [state.steps, state.epochs, state.total_steps, state.steps_per_epoch, state.last_step, width],
  );
}

function Marks({ state, width }: { state: State; width: number }) {
  return useMemo(
    () => (
      <g class="tvw-timeline-marks">
        {markers(state, width).map((mark) => (
          <g key={mark.x} transform={`translate(${mark.x} 0)`}>
            <title>{mark.text}</title>
            <rect x={-4} width={8} height={HEIGHT} />
            <line y2={HEIGHT} />
            <path d={`M-4 ${HEIGHT}L4 ${HEIGHT}L0 ${HEIGHT - 6}Z`} />
          </g>
        ))}
      </g>
    ),
    [state.marks, state.total_steps, state.last_step, state.steps, width],
  );
}

function anchor(x: number, width: number): "start" | "middle" | "end" {
  if (x < 6) return "start";
  return x > width - 8 ? "end" : "middle";
}

/** The snapshot that is compared with. */
function Against({ x, text }: { x: number; text: string }) {
  return (
    <g class="tvw-against" transform={`translate(${x.toFixed(1)} 0)`}>
      <title>{`compared with ${text}`}</title>
      <line y1={4} y2={HEIGHT} />
      <circle cy={4} r={3} />
    </g>
  );
}

function Playhead({ x, text }: { x: number; text: string }) {
  return (
    <g class="tvw-playhead" transform={`translate(${x.toFixed(1)} 0)`}>
      <title>{text}</title>
      <line y1={4} y2={HEIGHT} />
      <circle cy={4} r={4} />
    </g>
  );
}
