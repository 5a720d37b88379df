import type { GraphNode, Size } from "./types";

export const FONT = { name: 12, small: 10 };
const LONGEST = 30;

/** Long names are cut in the middle, where they differ least. */
export function cut(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, 14)}…${text.slice(-14)}` : text;
}

export type Measure = (text: string, px: number) => number;

/** The width of a text in the fonts of the page; a guess where there is no canvas. */
export function measurer(family: string): Measure {
  const context = document.createElement("canvas").getContext?.("2d");
  const known = new Map<string, number>();
  return (text, px) => {
    const name = `${px} ${text}`;
    const found = known.get(name);
    if (found !== undefined) return found;
    if (context) context.font = `${px}px ${family}`;
    const width = context ? context.measureText(text).width : text.length * px * 0.56;
    known.set(name, width);
    return width;
  };
}

/** The words of a box: its name, its class where that says more, its shape. */
export function wordsOf(node: GraphNode): { name: string; type: string; shape: string } {
  const type = node.kind === "module" && node.type !== node.label ? cut(node.type) : "";
  const shape = node.kind === "function" || node.open ? "" : cut(node.shape);
  return { name: cut(node.label || node.type), type, shape };
}

/** The size of a closed box. */
export function sizeOf(node: GraphNode, measure: Measure): Size {
  const { name, type, shape } = wordsOf(node);
  const first = measure(name, FONT.name) + (type ? 5 + measure(type, FONT.name) : 0) + (node.foldable ? 14 : 0);
  const width = Math.max(first, measure(shape, FONT.small) * 1.05);
  if (node.kind === "function") return { width: Math.ceil(width) + 20, height: 22 };
  return { width: Math.ceil(width) + 20, height: shape ? 38 : 26 };
}
