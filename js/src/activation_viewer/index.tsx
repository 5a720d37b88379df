import "../shared/theme.css";
import "./style.css";
import { widget } from "../shared/mount";
import { HELP } from "./keys";
import type { State } from "./state";
import { ActivationViewer } from "./viewer";

export type { State } from "./state";

export default widget<State>({
  name: "activation_viewer",
  traits: {
    ...{ layer: true, sample: true, unit: true, lens: true, outlets: true, parameters: true, ablations: true },
    ...{ pins: true, against: true, own: true, drawable: true },
  },
  View: ActivationViewer,
  help: HELP,
});
