import type { Sign } from "../marks";
import type { Area } from "./camera";
import { FONT, wordsOf } from "./sizes";
import type { Box, GraphNode } from "./types";

interface Props {
  node: GraphNode;
  box: Box;
  id: string;
  detail: Area["detail"];
  state: "selected" | "around" | "";
  marks: readonly Sign[];
  cursor: boolean;
  found: boolean;
  /** 0…1 of what boxes are coloured by */
  share: number;
}

/** One box, with its words unless it is open. */
export function Node(props: Props) {
  const { node, box, detail } = props;
  return (
    <g
      class="tvw-node"
      id={props.id}
      role="treeitem"
      aria-label={spoken(props)}
      aria-level={box.depth + 1}
      aria-selected={props.state === "selected"}
      aria-expanded={node.foldable ? node.open : undefined}
      data-key={node.key}
      data-kind={node.kind}
      data-open={node.open}
      data-foldable={node.foldable}
      data-state={props.state}
      data-cursor={props.cursor}
      data-found={props.found}
      data-depth={Math.min(4, box.depth)}
      transform={`translate(${box.x.toFixed(1)},${box.y.toFixed(1)})`}
      style={{ "--tvw-share": props.share.toFixed(3) }}
    >
      <rect class="tvw-node-box" width={box.width} height={box.height} rx={node.kind === "module" ? 6 : 11} />
      {detail !== "boxes" && !node.open && <Words {...props} />}
      {detail === "all" && <Marks {...props} />}
    </g>
  );
}

function Words({ node, box, detail }: Props) {
  const { shape } = wordsOf(node);
  const under = shape !== "" && detail === "all";
  const x = box.width / 2;
  return (
    <>
      <text class="tvw-node-name" x={x} y={under ? 16 : box.height / 2 + 4} font-size={FONT.name}>
        <Name node={node} />
      </text>
      {under && (
        <text class="tvw-node-shape" x={x} y={30} font-size={FONT.small}>
          {shape}
        </text>
      )}
    </>
  );
}

function Name({ node }: { node: GraphNode }) {
  const { name, type } = wordsOf(node);
  return (
    <>
      {node.foldable && <tspan class="tvw-node-fold">{node.open ? "▾ " : "▸ "}</tspan>}
      {name}
      {type && <tspan class="tvw-node-type">{` ${type}`}</tspan>}
    </>
  );
}

/** The name of an open box: above the lines that enter it. */
export function Title({ node, box }: { node: GraphNode; box: Box }) {
  return (
    <text class="tvw-node-title" data-key={node.key} x={box.x + 9} y={box.y + 16} font-size={FONT.name}>
      <Name node={node} />
    </text>
  );
}

function Marks({ box, marks }: Props) {
  return (
    <>
      {marks.map(({ kind, text }, i) => (
        <circle key={kind + text} class="tvw-node-mark" data-kind={kind} cx={box.width - 2 - 9 * i} cy={2} r={4} />
      ))}
    </>
  );
}

function spoken({ node, marks }: Props): string {
  const words = [node.key || node.label, node.kind === "module" ? node.type : node.kind, node.shape];
  return [...words, ...marks.map(({ text }) => text)].filter(Boolean).join(", ");
}
