// A stand-in for the bqplot figure with its class names, so that figure.css can be looked at without a kernel.
import { curve } from "./data.mjs";

const NS = "http://www.w3.org/2000/svg";

function node(parent, tag, attributes = {}, text = "") {
  const element = document.createElementNS(NS, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

export function drawPlot(width) {
  const box = document.createElement("div");
  box.className = "bqplot figure jupyter-widgets classic";
  const svg = node(box, "svg", { width, height: 190, class: "svg-figure" });
  const [left, top, w, h] = [46, 12, width - 62, 148];
  const axis = node(svg, "g", { class: "axis", transform: `translate(${left} ${top})` });
  for (let i = 0; i < 5; i++) {
    const tick = node(axis, "g", { class: "tick", transform: `translate(0 ${(i * h) / 4})` });
    node(tick, "line", { x2: w, stroke: "black" });
    node(tick, "text", { x: -8, dy: "0.32em", "text-anchor": "end" }, (2.4 - i * 0.6).toFixed(1));
  }
  for (let i = 0; i < 8; i++) {
    const tick = node(axis, "g", { class: "tick", transform: `translate(${(i * w) / 7} ${h})` });
    node(tick, "text", { y: 14, "text-anchor": "middle" }, String(i * 228));
  }
  const line = (points, colour, weight, opacity) => {
    const path = [...points.x].map((x, i) => `${left + (x / 1596) * w},${top + h - (points.y[i] / 2.4) * h}`);
    node(svg, "path", { d: `M${path.join("L")}`, fill: "none", stroke: colour, "stroke-width": weight, opacity });
  };
  line(curve(400, 1596, 3), "var(--tvw-accent)", 1, 0.25);
  line(curve(120, 1596, 3, { wobble: 0.02 }), "var(--tvw-accent)", 1.8, 1);
  line(curve(8, 1368, 4, { to: 0.5, wobble: 0.05 }), "var(--tvw-warm)", 1.8, 1);
  return box;
}
