import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { type Atlas, tilePlace } from "../../shared/atlas";
import { context2d } from "../../shared/pixels";
import { inputCanvas } from "../strip/sample_image";
import type { Rows } from "./atlas_view";
import type { PanelProps } from "./props";

/** Whether the units lie over the input as maps do. */
export function liesOverInput({ picture, push, samples }: Pick<PanelProps, "picture" | "push" | "samples">): boolean {
  if (!samples?.value.height || push.value.tab === "weights") return false;
  return picture.kind === "maps" || picture.kind === "labels" || (picture.kind === "tokens" && picture.grid !== null);
}

/** The index of the input among the images of the strip. */
export function inputIndex({ push, panel, samples }: Pick<PanelProps, "push" | "panel" | "samples">): number {
  return push.value.own ? (samples?.value.count ?? 0) : panel.sample;
}

/** The input behind every tile in view. */
export function Backdrop(props: PanelProps & { atlas: Atlas; rows: Rows; top: number }) {
  const { atlas, rows, samples, input } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const index = inputIndex(props);
  const shown = input > 0 && liesOverInput(props);
  const image = useMemo(() => (samples && shown ? inputCanvas(samples, index) : null), [samples, index, shown]);
  useLayoutEffect(() => {
    if (canvas.current && image) paintBehind(canvas.current, image, atlas, rows);
  }, [image, atlas, rows]);
  if (!image) return null;
  return <canvas ref={canvas} class="tvw-backdrop" style={{ top: `${props.top}px` }} />;
}

function paintBehind(canvas: HTMLCanvasElement, image: HTMLCanvasElement, atlas: Atlas, { first, last }: Rows): void {
  const pitch = atlas.tileHeight + atlas.gap;
  canvas.width = atlas.canvasWidth;
  canvas.height = Math.max(0, (last - first) * pitch - atlas.gap);
  canvas.style.width = "100%";
  const context = context2d(canvas);
  if (!context) return;
  context.imageSmoothingEnabled = image.width >= atlas.tileWidth;
  for (let tile = first * atlas.columns; tile < Math.min(atlas.count, last * atlas.columns); tile++) {
    const { x, y } = tilePlace(atlas, tile);
    context.drawImage(image, x, y - first * pitch, atlas.tileWidth, atlas.tileHeight);
  }
}
