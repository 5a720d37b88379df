import { render } from "preact";
import { Scene, type SceneProps } from "./scene";

const MARGIN = 16;
const STYLES = [
  ...["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity"],
  ...["font-family", "font-size", "font-weight", "text-anchor", "paint-order"],
];

/** Hands the browser the whole drawing as a file that needs nothing else. */
export function saveSvg(frame: HTMLElement, scene: SceneProps): void {
  const text = svgOf(frame, scene);
  const address = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = "model.svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** The drawing as text, in the colours of the page that `frame` is on. */
export function svgOf(frame: HTMLElement, scene: SceneProps): string {
  const { width, height } = scene.layout;
  const [w, h] = [Math.ceil(width) + 2 * MARGIN, Math.ceil(height) + 2 * MARGIN];
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "tvw-graph-file");
  frame.append(svg);
  try {
    render(
      <>
        <rect class="tvw-graph-ground" width={w} height={h} />
        <g transform={`translate(${MARGIN},${MARGIN})`}>
          <Scene {...scene} />
        </g>
      </>,
      svg,
    );
    for (const element of svg.querySelectorAll("*")) bake(element);
    for (const reach of svg.querySelectorAll(".tvw-edge-reach")) reach.remove();
    for (const [name, value] of [
      ["xmlns", "http://www.w3.org/2000/svg"],
      ["width", w],
      ["height", h],
      ["viewBox", `0 0 ${w} ${h}`],
    ] as const)
      svg.setAttribute(name, String(value));
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
