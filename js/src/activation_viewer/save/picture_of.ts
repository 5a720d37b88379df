// What is on the page as one image: backgrounds, canvases, SVG shapes and text of an element, at device resolution.
// Nothing is loaded and no HTML is read, so that no name in it can be anything but text.

const SHAPES = ["path", "rect", "circle", "line"];
const BUTTONS = "button.tvw-add, .tvw-more, .tvw-unit-tools button, .tvw-options, .tvw-through, .tvw-hidden, .tvw-pad";

/** The element on a canvas of its own, `ratio` device pixels a CSS pixel; null where the browser gives no canvas. */
export function pictureOf(element: HTMLElement, ratio: number): HTMLCanvasElement | null {
  const whole = element.getBoundingClientRect();
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(whole.width * ratio);
  canvas.height = Math.ceil(whole.height * ratio);
  const context = canvas.getContext("2d");
  if (!context) return null;
  const panel = element.closest(".tvw") ?? element;
  context.fillStyle = getComputedStyle(panel).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(ratio, 0, 0, ratio, -whole.left * ratio, -whole.top * ratio);
  draw(element, context);
  return canvas;
}

function draw(element: Element, context: CanvasRenderingContext2D): void {
  const style = getComputedStyle(element);
  if (element.matches(BUTTONS) || style.display === "none" || style.visibility === "hidden") return;
  const box = element.getBoundingClientRect();
  context.save();
  context.globalAlpha *= Number(style.opacity) || (style.opacity === "0" ? 0 : 1);
  if (element instanceof SVGElement && SHAPES.includes(element.localName))
    shape(element as SVGGraphicsElement, style, context);
  else drawBox(element, style, box, context);
  if (style.overflow !== "visible" && element instanceof HTMLElement) clip(box, context);
  for (const child of element.childNodes) {
    if (child instanceof Element) draw(child, context);
    else if (child instanceof Text) drawText(child, style, context);
  }
  context.restore();
}

function clip(box: DOMRect, context: CanvasRenderingContext2D): void {
  context.beginPath();
  context.rect(box.left, box.top, box.width, box.height);
  context.clip();
}

function drawBox(element: Element, style: CSSStyleDeclaration, box: DOMRect, context: CanvasRenderingContext2D): void {
  const image = style.backgroundImage;
  if (image.startsWith("linear-gradient")) context.fillStyle = gradientOf(image, box, context);
  else context.fillStyle = style.backgroundColor;
  context.fillRect(box.left, box.top, box.width, box.height);
  const border = Number.parseFloat(style.borderTopWidth) || 0;
  if (border && Number.parseFloat(style.borderLeftWidth)) {
    context.strokeStyle = style.borderTopColor;
    context.lineWidth = border;
    context.strokeRect(box.left + border / 2, box.top + border / 2, box.width - border, box.height - border);
  }
  if (!(element instanceof HTMLCanvasElement) || !element.width || !element.height) return;
  context.imageSmoothingEnabled = style.imageRendering === "auto";
  context.drawImage(element, box.left, box.top, box.width, box.height);
}

function gradientOf(image: string, box: DOMRect, context: CanvasRenderingContext2D): CanvasGradient {
  const stops = image.match(/rgba?\([^)]*\)/g) ?? [];
  const gradient = context.createLinearGradient(box.left, 0, box.right, 0);
  for (const [i, stop] of stops.entries()) gradient.addColorStop(i / Math.max(1, stops.length - 1), stop);
  return gradient;
}

function drawText(node: Text, style: CSSStyleDeclaration, context: CanvasRenderingContext2D): void {
  const text = node.data;
  if (!text.trim()) return;
  const range = document.createRange();
  range.selectNodeContents(node);
  context.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  context.fillStyle = style.color;
  context.textBaseline = "middle";
  for (const line of linesOf(node, range)) context.fillText(line.text, line.left, line.middle);
}

/** Where the browser has broken the text. */
function linesOf(node: Text, range: Range): { text: string; left: number; middle: number }[] {
  const boxes = range.getClientRects();
  const [first] = boxes;
  if (!first) return [];
  if (boxes.length === 1) return [{ text: node.data.trim(), left: first.left, middle: first.top + first.height / 2 }];
  const lines: { text: string; left: number; middle: number }[] = [];
  for (let i = 0; i < node.data.length; i++) {
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    const box = range.getBoundingClientRect();
    const middle = box.top + box.height / 2;
    const line = lines.at(-1);
    if (line && Math.abs(line.middle - middle) < 2) line.text += node.data[i];
    else lines.push({ text: node.data[i] ?? "", left: box.left, middle });
  }
  return lines;
}

function shape(element: SVGGraphicsElement, style: CSSStyleDeclaration, context: CanvasRenderingContext2D): void {
  const matrix = element.getScreenCTM();
  if (!matrix) return;
  const path = pathOf(element);
  context.save();
  context.transform(matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f);
  if (style.fill !== "none") {
    context.globalAlpha *= Number(style.fillOpacity) || 1;
    context.fillStyle = style.fill;
    context.fill(path);
  }
  if (style.stroke !== "none") {
    const fixed = style.getPropertyValue("vector-effect") === "non-scaling-stroke";
    context.strokeStyle = style.stroke;
    context.lineWidth =
      (Number.parseFloat(style.strokeWidth) || 1) / (fixed ? Math.sqrt(Math.abs(matrix.a * matrix.d)) || 1 : 1);
    context.stroke(path);
  }
  context.restore();
}

function pathOf(element: SVGGraphicsElement): Path2D {
  const at = (name: string) => Number(element.getAttribute(name) ?? 0);
  const path = new Path2D(element.localName === "path" ? (element.getAttribute("d") ?? "") : undefined);
  if (element.localName === "rect") path.rect(at("x"), at("y"), at("width"), at("height"));
  if (element.localName === "circle") path.arc(at("cx"), at("cy"), at("r"), 0, 7);
  if (element.localName === "line") {
    path.moveTo(at("x1"), at("y1"));
    path.lineTo(at("x2"), at("y2"));
  }
  return path;
}
