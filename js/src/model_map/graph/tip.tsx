import { useState } from "preact/hooks";
import { describe } from "../rows";
import type { GraphProps } from "./graph";
import type { Drawn, Layout } from "./types";

interface Tell {
  text: string;
  x: number;
  y: number;
  /** on which side of the pointer there is room */
  side: "left" | "right";
}

/** What the pointer is told about the edge or box under it. */
export function useTip(props: GraphProps & { drawn: Drawn; layout: Layout }) {
  const [tip, setTip] = useState<Tell | null>(null);
  const hover = (event: PointerEvent) => {
    const text = event.buttons ? "" : textOf(event.target as Element, props);
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const x = event.clientX - box.left;
    const side = x > box.width / 2 ? "left" : "right";
    setTip(text ? { text, x, y: event.clientY - box.top, side } : null);
  };
  return { tip, hover, leave: () => setTip(null) };
}

function textOf(target: Element, { drawn, layout, rows }: Parameters<typeof useTip>[0]): string {
  const edge = target.closest<SVGElement>(".tvw-edge")?.dataset;
  if (edge) {
    const line = layout.lines.find(({ source, target }) => source === edge.source && target === edge.target);
    return [...new Set(line?.shapes), `${edge.source || "model"} → ${edge.target || "model"}`]
      .filter(Boolean)
      .join("\n");
  }
  const key = target.closest<SVGElement>(".tvw-node")?.dataset.key;
  const node = drawn.nodes.find((each) => each.key === key);
  if (!node) return "";
  const row = rows.find((each) => each.path === node.path);
  return row
    ? describe({ ...row, shape: node.shape || row.shape })
    : [node.key, node.shape, node.note].filter(Boolean).join("\n");
}

export function Tip({ tip }: { tip: Tell | null }) {
  if (!tip) return null;
  return (
    <div class="tvw-graph-tip" data-side={tip.side} style={{ left: `${tip.x}px`, top: `${tip.y + 14}px` }}>
      {tip.text}
    </div>
  );
}
