import { context2d } from "../../shared/pixels";
import type { Ridges } from "../frame";
import { epochName } from "./distribution";
import { baseOf, type RidgeLayout, ridgePoints } from "./ridge_lines";

interface Marked {
  most: number;
  /** pointed at */
  row: number | null;
  ratio: number;
}

/** Paints all ridges, the first epoch behind; the one on show in the warm colour. */
export function paintRidges(
  canvas: HTMLCanvasElement,
  layout: RidgeLayout,
  shares: Float32Array,
  about: Ridges,
  { most, row: pointed, ratio }: Marked,
): void {
  canvas.width = Math.round(layout.width);
  canvas.height = Math.round(layout.height);
  const context = context2d(canvas);
  if (!context) return;
  const style = getComputedStyle(canvas);
  // computed, because a canvas knows no light-dark() or color-mix()
  const named = ["background-color", "outline-color", "border-left-color", "color"];
  const [panel = "", accent = "", warm = "", dim = ""] = named.map((name) => style.getPropertyValue(name));
  context.font = `${11 * ratio}px ${style.fontFamily}`;
  context.textBaseline = "alphabetic";
  const every = Math.max(1, Math.ceil((14 * ratio) / layout.pitch));
  for (let row = 0; row < layout.rows; row++) {
    const here = row === about.at || row === pointed;
    const ink = { fill: panel, line: row === about.at ? warm : accent, ratio, strong: here };
    drawRidge(context, layout, ridgePoints(layout, shares, row, most), row, ink);
    const said = here || (row % every === 0 && !near(row, about.at, every) && !near(row, pointed, every));
    if (!said) continue;
    context.fillStyle = row === about.at ? warm : dim;
    context.fillText(epochName(about, row), 0, baseOf(layout, row));
  }
}

function near(row: number, other: number | null, every: number): boolean {
  return other !== null && row !== other && Math.abs(row - other) < every;
}

interface Ink {
  fill: string;
  line: string;
  ratio: number;
  strong: boolean;
}

function drawRidge(
  context: CanvasRenderingContext2D,
  layout: RidgeLayout,
  points: Float64Array,
  row: number,
  ink: Ink,
): void {
  const base = baseOf(layout, row);
  const path = new Path2D();
  path.moveTo(layout.left, base);
  for (let i = 0; i < points.length; i += 2) path.lineTo(points[i] ?? 0, points[i + 1] ?? 0);
  path.lineTo(layout.width, base);
  context.fillStyle = ink.fill;
  context.fill(path);
  context.globalAlpha = ink.strong ? 0.34 : 0.14;
  context.fillStyle = ink.line;
  context.fill(path);
  context.globalAlpha = ink.strong ? 1 : 0.7;
  context.strokeStyle = ink.line;
  context.lineWidth = (ink.strong ? 1.8 : 1) * ink.ratio;
  context.stroke(path);
  context.globalAlpha = 1;
}
