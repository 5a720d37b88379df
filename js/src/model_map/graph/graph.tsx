import { useEffect, useMemo, useState } from "preact/hooks";
import { usePush } from "../../shared/hooks";
import { loadPart, savePart } from "../../shared/part";
import type { Link } from "../../shared/wire";
import type { Mark } from "../marks";
import type { Measure } from "../measure";
import type * as More from "../more/index";
import type { Row } from "../rows";
import type { Saver } from "../save";
import { Canvas } from "./canvas";
import { measurer, sizeOf } from "./sizes";
import type { Drawn } from "./types";

export interface GraphProps {
  link: Link;
  layer: string;
  rows: readonly Row[];
  measure: Measure | null;
  marks: ReadonlyMap<string, readonly Mark[]>;
  found: ReadonlySet<string>;
  select(path: string): void;
  openBoxes(keys: readonly string[], open: boolean): void;
  saver: Saver;
}

interface GraphPush extends Drawn {
  error: string | null;
}

/** undefined while it is on its way, null where the kernel does not give it */
function useMore(link: Link): typeof More | null | undefined {
  const [more, setMore] = useState<typeof More | null | undefined>(undefined);
  useEffect(() => void loadPart<typeof More>(link).then(setMore), [link]);
  useEffect(() => {
    savePart(link, true);
    return () => savePart(link, false);
  }, [link, more]);
  return more;
}

/** The graph of the last traced pass, once there is its layout's code. */
export function Graph(props: GraphProps) {
  const more = useMore(props.link);
  const push = usePush<GraphPush>(props.link, "graph");
  const drawn = useMemo(() => (push ? whole(push.value) : null), [push]);
  const measure = useMemo(() => measurer("system-ui, sans-serif"), []);
  const layout = useMemo(
    () => (more && drawn?.nodes.length ? more.layOut(drawn, (node) => sizeOf(node, measure)) : null),
    [more, drawn],
  );
  if (more === null) return <Note>The graph is drawn with the kernel's help, and there is none now: choose Tree.</Note>;
  if (!drawn || more === undefined) return <Note>…</Note>;
  if (!layout) return <Note>{push?.value.error ?? "No pass of the model has been traced."}</Note>;
  return (
    <>
      {push?.value.error && <p class="tvw-graph-error">{push.value.error}</p>}
      <Canvas {...props} drawn={drawn} layout={layout} />
    </>
  );
}

function Note({ children }: { children: string }) {
  return <p class="tvw-graph tvw-graph-note">{children}</p>;
}

/** The model itself is the window: its own box is not drawn. */
function whole({ nodes, edges }: Drawn): Drawn {
  const root = nodes.find((node) => node.kind === "module" && node.key === "" && node.open);
  if (!root) return { nodes, edges };
  const rest = nodes.filter((node) => node !== root);
  return { nodes: rest.map((node) => (node.parent === "" ? { ...node, parent: null } : node)), edges };
}
