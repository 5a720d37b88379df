import { type ComponentChildren, render } from "preact";
import { useEffect } from "preact/hooks";
import type { Size } from "./graph/types";

/** What saves the picture that is on show, while there is one. */
export type Saver = { current: (() => void) | null };

export function useSaver(saver: Saver, save: () => void): void {
  saver.current = save;
  useEffect(
    () => () => {
      saver.current = null;
    },
    [],
  );
}

const MARGIN = 16;
const STYLES = [
  ...["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity"],
  ...["font-family", "font-size", "font-weight", "text-anchor", "paint-order"],
];

/** Hands the browser a drawing as a file that needs nothing else, in the colours of the page that `frame` is on. */
export function saveSvg(frame: Element, drawing: ComponentChildren, size: Size): void {
  const address = URL.createObjectURL(new Blob([svgOf(frame, drawing, size)], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "model.svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function svgOf(frame: Element, drawing: ComponentChildren, size: Size): string {
  const [width, height] = [Math.ceil(size.width) + 2 * MARGIN, Math.ceil(size.height) + 2 * MARGIN];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "tvw-map-file");
  frame.append(svg);
  try {
    render(
      <>
        <rect class="tvw-map-ground" width={width} height={height} />
        <g transform={`translate(${MARGIN},${MARGIN})`}>{drawing}</g>
      </>,
      svg,
    );
    for (const reach of svg.querySelectorAll(".tvw-edge-reach")) reach.remove();
    for (const element of svg.querySelectorAll("*")) bake(element);
    const about = { width, height, viewBox: `0 0 ${width} ${height}` };
    for (const [name, value] of Object.entries(about)) svg.setAttribute(name, String(value));
    svg.removeAttribute("class");
    return new XMLSerializer().serializeToString(svg);
  } finally {
    render(null, svg);
    svg.remove();
  }
}

/** Writes what the stylesheet says into the element: the file has none. */
function bake(element: Element): void {
  const style = getComputedStyle(element);
  for (const name of STYLES) {
    const value = style.getPropertyValue(name);
    if (value && value !== "normal") element.setAttribute(name, plainColour(value));
  }
  for (const name of ["style", "class", "id"]) element.removeAttribute(name);
}

/** "color(srgb 0.2 0.4 1 / 0.5)", which mixed colours compute to, is not known outside browsers. */
export function plainColour(value: string): string {
  return value.replace(/color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.]+))?\)/g, (_, r, g, b, a) => {
    const [red, green, blue] = [r, g, b].map((part) => Math.round(255 * Math.min(1, Math.max(0, Number(part)))));
    return a === undefined ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${a})`;
  });
}
