// Small graphs as the kernel sends them, and rows to go with them.
import type { Drawn, GraphEdge, GraphNode } from "../src/model_map/graph/types";
import type { Row } from "../src/model_map/rows";

export function node(key: string, parent: string | null = null, extra: Partial<GraphNode> = {}): GraphNode {
  const label = key.split(/[./]/).at(-1) ?? "";
  const kind = key.includes("/") ? "function" : "module";
  return {
    ...{ key, path: key, label, type: "Conv2d", kind, shape: "8×8", parent, open: false, foldable: false },
    ...{ calls: 1, note: "", ...extra },
  };
}

export function edge(source: string, target: string, shape = "8×8"): GraphEdge {
  return { source, target, shape, leaf: "" };
}

/** input → block (open: a → b → add, with the input going past both) → out */
export function residual(): Drawn {
  const input = node("input:x", null, { kind: "input", path: null });
  const block = node("block", null, { open: true, foldable: true, type: "Block" });
  const inside = [node("block.a", "block"), node("block.b", "block"), node("block/add", "block")];
  const edges = [
    ...[edge("input:x", "block.a"), edge("block.a", "block.b"), edge("block.b", "block/add")],
    ...[edge("input:x", "block/add", "3×3"), edge("block/add", "out")],
  ];
  return { nodes: [input, block, ...inside, node("out")], edges };
}

/** the same with the block closed */
export function closed(): Drawn {
  const { nodes } = residual();
  const shown = nodes
    .filter(({ parent }) => parent === null)
    .map((each) => (each.key === "block" ? { ...each, open: false } : each));
  return { nodes: shown, edges: [edge("input:x", "block"), edge("block", "out")] };
}

export function row(path: string, depth: number, extra: Partial<Row> = {}): Row {
  return {
    ...{ path, name: path.split(/[./]/).at(-1) ?? "", type: "Conv2d", depth, shape: "8×8", parameters: 1600 },
    ...{ bytes: 6400, frozen: "no", idle: false, kind: "module", foldable: false, box: false, calls: 1, note: "" },
    ...{ tied: [], weights: [], ...extra },
  };
}
