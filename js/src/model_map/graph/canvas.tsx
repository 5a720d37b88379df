import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useSize } from "../../shared/hooks";
import { onKeys } from "../../shared/keyboard";
import { saveSvg, useSaver } from "../save";
import { zoomed } from "./camera";
import { gestures } from "./gestures";
import type { GraphProps } from "./graph";
import { moved } from "./moves";
import { idOf, Scene, type SceneProps } from "./scene";
import { Tip, useTip } from "./tip";
import { Tools } from "./tools";
import type { Drawn, GraphNode, Layout } from "./types";
import { useCamera } from "./use_camera";
import { useMarks, useStates } from "./use_scene";

const ZOOM = 1.25;
const ARROWS = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];

interface Props extends GraphProps {
  drawn: Drawn;
  layout: Layout;
}

/** The drawing, its window and what the hand does with it. */
export function Canvas(props: Props) {
  const { drawn, layout, layer } = props;
  const { ref, width, height } = useSize<HTMLDivElement>();
  const [prefix] = useState(() => `tvw-node-${Math.random().toString(36).slice(2, 8)}`);
  const { camera, area, content, move, fit, show, keep } = useCamera(layout, { width, height });
  const { tip, hover, leave } = useTip(props);
  const nodes = useMemo(() => new Map(drawn.nodes.map((node) => [node.key, node])), [drawn]);
  const stateOf = useStates(props);
  const marksOf = useMarks(props);
  const { cursor, setKey } = useCursor(drawn, stateOf);
  const bring = (key: string | null) => {
    const box = layout.boxes.find((each) => each.key === key);
    if (box) show(box);
  };
  useFollow(layer, area !== null && layout, cursor !== null && nodes.get(cursor)?.path === layer, () => bring(cursor));
  useEffect(() => {
    const life = new AbortController();
    if (ref.current) gestures(ref.current, { get: () => camera.current, set: move }, life.signal);
    return () => life.abort();
  }, []);

  const go = (key: string) => {
    setKey(key);
    bring(key);
    const path = nodes.get(key)?.path ?? null;
    if (path !== null) props.select(path);
  };
  const toggle = (node: GraphNode | undefined) => {
    if (!node?.foldable) return;
    keep(node.key);
    props.openBoxes([node.key], !node.open);
  };
  const nodeAt = (event: Event) => {
    const found = (event.target as Element).closest<SVGElement>("[data-key]");
    return found ? nodes.get(found.dataset.key ?? "") : undefined;
  };
  const click = (event: MouseEvent) => {
    const node = nodeAt(event);
    if (node && (event.target as Element).closest(".tvw-node-fold") && event.detail < 2) toggle(node);
    else if (node) go(node.key);
  };
  const arrow = (name: string) => () => {
    const to = cursor === null ? drawn.nodes[0]?.key : moved({ drawn, layout }, cursor, name);
    if (to !== undefined) go(to);
  };
  const zoom = (factor: number) => () => move(zoomed(camera.current, factor, { x: width / 2, y: height / 2 }));
  const keys = {
    ...Object.fromEntries(ARROWS.map((name) => [name, arrow(name)])),
    Home: () => go(drawn.nodes[0]?.key ?? ""),
    End: () => go(drawn.nodes.at(-1)?.key ?? ""),
    Enter: () => toggle(nodes.get(cursor ?? "")),
    ...{ "+": zoom(ZOOM), "=": zoom(ZOOM), "-": zoom(1 / ZOOM), "0": fit },
  };
  const scene: SceneProps = {
    ...{ drawn, layout, area, prefix, cursor, stateOf, marksOf },
    ...{ found: props.found, measure: props.measure },
  };
  useSaver(
    props.saver,
    () => ref.current && saveSvg(ref.current, <Scene {...scene} area={null} cursor={null} />, layout),
  );
  const picture = useMemo(() => area && <Scene {...scene} />, Object.values(scene));
  return (
    <div class="tvw-graph-frame">
      <div
        class="tvw-graph"
        role="tree"
        aria-label="graph of the model"
        tabIndex={0}
        aria-activedescendant={cursor === null ? undefined : idOf(prefix, drawn, cursor)}
        ref={ref}
        onClick={click}
        onDblClick={(event) => toggle(nodeAt(event))}
        onKeyDown={onKeys(keys)}
        onPointerMove={hover}
        onPointerLeave={leave}
      >
        <svg width="100%" height="100%" role="presentation">
          <g ref={content}>{picture}</g>
        </svg>
      </div>
      <Tip tip={tip} />
      <Tools smaller={zoom(1 / ZOOM)} larger={zoom(ZOOM)} fit={fit} />
    </div>
  );
}

/** The box that the keys start from: the selected layer, or an input or output, which nothing else can select. */
function useCursor(drawn: Drawn, stateOf: SceneProps["stateOf"]) {
  const [key, setKey] = useState<string | null>(null);
  const own = drawn.nodes.find((node) => node.key === key);
  const is = (state: string) => drawn.nodes.find((node) => stateOf(node) === state);
  const kept = own && (own.path === null || stateOf(own) !== "") ? own : undefined;
  return { cursor: (kept ?? is("selected") ?? is("around"))?.key ?? null, setKey };
}

/** A layer that is selected elsewhere comes into sight; again once its own box is there, where that had to be opened. */
function useFollow(layer: string, layout: Layout | false, own: boolean, bring: () => void): void {
  const followed = useRef<string | null>(null);
  useEffect(() => {
    if (!layout || followed.current === layer) return;
    if (own) followed.current = layer;
    bring();
  }, [layer, layout]);
}
