import type { Frame, Picture } from "../frame";
import { inBars } from "../picture";
import { Remote } from "../remote";
import { Attention } from "./attention";
import { Maps } from "./maps";
import type { PanelProps } from "./props";
import { Trouble } from "./trouble";

/** One picture, drawn as its kind is. */
export function PanelView(props: PanelProps) {
  const { picture, push } = props;
  const [count, height, width] = picture.tiles;
  if (!count) return <Trouble reason={picture.text || "Nothing to show."} remedy={picture.note} />;
  if (inBars(picture)) {
    const classes = push.value.tab === "activations" && !push.value.panels[1] ? push.value.classes : null;
    if (classes?.length !== height * width) return <Remote more={props.more} view="Bars" given={props} />;
    return <Remote more={props.more} view="ClassBars" given={{ ...props, classes }} />;
  }
  if (picture.kind === "attention") return <Attention {...props} />;
  const other = viewOf(picture);
  if (other) return <Remote key={other} more={props.more} view={other} given={props} />;
  return (
    <>
      {picture.prefix && <Remote more={props.more} view="Prefix" given={props} />}
      <Maps {...props} />
    </>
  );
}

/** Which drawing of the second bundle a picture has; null for what is an atlas. */
export function viewOf({ kind, tiles: [count] }: Picture) {
  if (kind === "scalar") return "Scalar";
  if (kind === "boxes") return "Boxes";
  if (kind === "image" && count <= 3) return "ImageView";
  const tiled = kind === "maps" || kind === "volume" || kind === "labels";
  return count === 1 && !tiled ? "HeatView" : null;
}

/** Whether the second bundle draws some of a frame's pictures. */
export function isMore(frame: Frame): boolean {
  return frame.tab === "distribution" || frame.panels.some(({ picture }) => beyondAtlas(picture));
}

function beyondAtlas(picture: Picture): boolean {
  return inBars(picture) || picture.kind === "attention" || picture.prefix !== null || viewOf(picture) !== null;
}

/** Whether the numbers of the legend are about its colours. */
export function hasLegend(props: Pick<PanelProps, "picture" | "push">): boolean {
  const { picture, push } = props;
  const { classes, panels, tab } = push.value;
  if (!picture.tiles[0] || picture.kind === "boxes") return false;
  const logits = inBars(picture) && classes?.length === picture.tiles[1] * picture.tiles[2];
  return !(logits && tab === "activations" && panels.length === 1);
}
