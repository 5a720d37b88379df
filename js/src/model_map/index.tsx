import "../shared/theme.css";
import "./style.css";
import "./graph/style.css";
import { widget } from "../shared/mount";
import { ModelMap } from "./map";
import type { Row } from "./rows";
import type { Look } from "./view";

export interface State {
  rows: Row[];
  layer: string;
  view: Look;
  trends_known: { value: string; label: string }[];
  opened: string[];
}

export default widget<State>({
  name: "model_map",
  traits: { rows: true, layer: true, view: true, trends_known: true, opened: true },
  View: ModelMap,
  help: [
    ["↑ ↓", "previous, next layer; along the edges"],
    ["← →", "fold or parent, open or next; beside"],
    ["Enter", "fold, open"],
    ["*", "open all beside"],
    ["a … z", "the next layer of that name"],
    ["/", "search; Enter, Shift+Enter: next, previous"],
    ["+ − 0", "zoom in, out, fit the graph"],
  ],
});
