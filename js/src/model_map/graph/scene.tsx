import type { Sign } from "../marks";
import { type Measure, share } from "../measure";
import { type Area, meets } from "./camera";
import { Node, Title } from "./node";
import type { Drawn, GraphNode, Layout, Line, Point } from "./types";

export interface SceneProps {
  drawn: Drawn;
  layout: Layout;
  /** null = everything, as for a file */
  area: Area | null;
  prefix: string;
  cursor: string | null;
  /** whether a box is the selected layer, or holds it without showing it */
  stateOf(node: GraphNode): "selected" | "around" | "";
  marksOf(node: GraphNode): readonly Sign[];
  found: ReadonlySet<string>;
  measure: Measure | null;
}

/** The boxes and lines that are in sight, open boxes beneath what stands in them. */
export function Scene(props: SceneProps) {
  const { drawn, layout, area, cursor, measure } = props;
  const nodes = new Map(drawn.nodes.map((node) => [node.key, node]));
  const boxes = layout.boxes.filter((box) => !area || meets(area, box));
  const lines = layout.lines.filter((line) => !area || meets(area, around(line.points)));
  const detail = area?.detail ?? "all";
  const titles = boxes.map((box) => {
    const node = nodes.get(box.key);
    return node?.open && detail !== "boxes" && <Title key={node.key} node={node} box={box} />;
  });
  const draw = (open: boolean) =>
    boxes.map((box) => {
      const node = nodes.get(box.key);
      if (!node || node.open !== open) return null;
      const state = props.stateOf(node);
      const { path } = node;
      return (
        <Node
          key={node.key}
          {...{ node, box, detail, state }}
          id={idOf(props.prefix, drawn, node.key)}
          marks={props.marksOf(node)}
          cursor={cursor === node.key}
          found={path !== null && props.found.has(path)}
          share={measure && path !== null && !node.open ? share(measure, path) : 0}
        />
      );
    });
  return (
    <>
      {draw(true)}
      {lines.map((line) => (
        <Edge key={`${line.source}\n${line.target}`} line={line} cursor={cursor} />
      ))}
      {titles}
      {draw(false)}
    </>
  );
}

export function idOf(prefix: string, drawn: Drawn, key: string): string {
  return `${prefix}-${drawn.nodes.findIndex((node) => node.key === key)}`;
}

function Edge({ line, cursor }: { line: Line; cursor: string | null }) {
  const d = pathOf(line.points);
  const near = cursor !== null && (line.source === cursor || line.target === cursor);
  return (
    <g class="tvw-edge" data-source={line.source} data-target={line.target} data-skip={line.skip} data-near={near}>
      <path class="tvw-edge-reach" d={d} />
      <path class="tvw-edge-line" d={d + headOf(line.points)} />
    </g>
  );
}

function around(points: readonly Point[]) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [x, y] = [Math.min(...xs) - 1, Math.min(...ys) - 1];
  return { x, y, width: Math.max(...xs) + 1 - x, height: Math.max(...ys) + 1 - y };
}

const f = (value: number) => Number(value.toFixed(1));

/** Every point is passed downwards, so that what is straight stays so and all else is smooth. */
export function pathOf(points: readonly Point[]): string {
  return points
    .map(({ x, y }, i) => {
      const before = points[i - 1];
      if (!before) return `M${f(x)},${f(y)}`;
      if (Math.abs(before.x - x) < 0.05) return `V${f(y)}`;
      const middle = f((before.y + y) / 2);
      return `C${f(before.x)},${middle} ${f(x)},${middle} ${f(x)},${f(y)}`;
    })
    .join("");
}

function headOf(points: readonly Point[]): string {
  const end = points.at(-1);
  return end ? `M${f(end.x - 3.5)},${f(end.y - 6)}L${f(end.x)},${f(end.y)}L${f(end.x + 3.5)},${f(end.y - 6)}` : "";
}
