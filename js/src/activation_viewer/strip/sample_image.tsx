import { useLayoutEffect, useRef } from "preact/hooks";
import { context2d } from "../../shared/pixels";
import { bytes, type Push } from "../../shared/wire";
import type { Samples } from "../frame";

interface Props {
  samples: Push<Samples>;
  /** of the image; `count` is the user's own one */
  index: number;
  /** CSS px of its longer side; without it as large as its box */
  size?: number;
  fill?: boolean;
}

/** One input image; nothing where the probe holds no images. */
export function SampleImage({ samples, index, size, fill }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { height, width } = samples.value;
  useLayoutEffect(() => {
    if (canvas.current) paintInput(canvas.current, samples, index);
  }, [samples, index]);
  if (!height || !width) return null;
  const scale = (size ?? 0) / Math.max(height, width);
  const small = Math.max(height, width) < 20;
  const style = fill ? {} : { width: `${width * scale}px`, height: `${height * scale}px` };
  return (
    <canvas
      ref={canvas}
      class={fill ? "tvw-fill" : ""}
      style={{ ...style, imageRendering: small ? "pixelated" : "auto" }}
      data-sample={index}
    />
  );
}

/** An input image on a canvas of its own; null where the browser gives none. */
export function inputCanvas(samples: Push<Samples>, index: number): HTMLCanvasElement | null {
  const canvas = document.createElement("canvas");
  return paintInput(canvas, samples, index) ? canvas : null;
}

function paintInput(canvas: HTMLCanvasElement, samples: Push<Samples>, index: number): boolean {
  const { height, width } = samples.value;
  const rgb = bytes(samples.buffers[0]);
  const from = index * height * width * 3;
  canvas.width = width;
  canvas.height = height;
  const context = context2d(canvas);
  if (!context || !width || !height || from + height * width * 3 > rgb.length) return false;
  const image = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = rgb[from + 3 * i + k] ?? 0;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return true;
}
