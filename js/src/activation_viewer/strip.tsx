import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { onKeys } from "../shared/keyboard";
import { bytes, type Push } from "../shared/wire";
import { type Frame, type Samples, verdict } from "./frame";

export const THUMB = 48;

/** The probe's samples, each with its true and predicted class; picks the one looked at. */
export function Strip(props: {
  samples: Push<Samples>;
  frame: Frame | null;
  selected: number;
  pick(index: number): void;
}) {
  const { samples, selected, pick } = props;
  const box = useRef<HTMLDivElement>(null);
  const keys = { ArrowLeft: () => pick(selected - 1), ArrowRight: () => pick(selected + 1), " ": undefined };
  useLayoutEffect(() => {
    const thumb = box.current?.children[selected];
    if (!(thumb instanceof HTMLElement) || !box.current) return;
    if (box.current.contains(document.activeElement)) thumb.focus({ preventScroll: true });
    const { scrollLeft, clientWidth } = box.current;
    const beyond = thumb.offsetLeft + thumb.offsetWidth - (scrollLeft + clientWidth);
    if (beyond > 0) box.current.scrollLeft += beyond;
    if (thumb.offsetLeft < scrollLeft) box.current.scrollLeft = thumb.offsetLeft;
  }, [selected]);
  return (
    <div class="tvw-strip" role="radiogroup" aria-label="probe sample" ref={box} onKeyDown={onKeys(keys)}>
      {Array.from({ length: samples.value.count }, (_, index) => (
        <Thumb key={index} {...props} index={index} />
      ))}
    </div>
  );
}

function Thumb(props: {
  samples: Push<Samples>;
  frame: Frame | null;
  selected: number;
  index: number;
  pick(index: number): void;
}) {
  const { samples, frame, index } = props;
  const prediction = frame?.predictions?.[index];
  const { text, wrong } = verdict(index, samples.value.labels[index] ?? null, prediction);
  const sure = prediction?.probability;
  const title = typeof sure === "number" ? `predicted ${prediction?.text}, ${(sure * 100).toFixed(1)} %` : text;
  return (
    <button
      type="button"
      role="radio"
      class="tvw-thumb"
      aria-checked={index === props.selected}
      aria-label={`sample ${index}: ${text}${wrong ? ", wrong" : ""}`}
      tabIndex={index === props.selected ? 0 : -1}
      title={title}
      data-wrong={wrong}
      onClick={() => props.pick(index)}
    >
      <SampleImage samples={samples} index={index} size={THUMB} />
      <span>{text}</span>
    </button>
  );
}

/** One probe image, at most `size` CSS px along its longer side; nothing where the probe holds no images. */
export function SampleImage({ samples, index, size }: { samples: Push<Samples>; index: number; size: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { height, width, count } = samples.value;
  const rgb = useMemo(() => bytes(samples.buffers[0]), [samples]);
  useLayoutEffect(() => {
    if (canvas.current && index < count) paintRgb(canvas.current, rgb, index, height, width);
  }, [rgb, index, height, width, count]);
  if (!height || !width) return null;
  const scale = size / Math.max(height, width);
  const style = {
    width: `${width * scale}px`,
    height: `${height * scale}px`,
    imageRendering: scale < 1 ? "auto" : "pixelated",
  };
  return <canvas ref={canvas} style={style} />;
}

function paintRgb(canvas: HTMLCanvasElement, rgb: Uint8Array, index: number, height: number, width: number): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(width, height);
  const from = index * height * width * 3;
  for (let i = 0; i < height * width; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = rgb[from + 3 * i + k] ?? 0;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
