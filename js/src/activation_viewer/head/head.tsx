import { Tabs } from "../../shared/parts";
import type { Actions } from "../actions";
import type { Frame } from "../frame";
import type * as More from "../more/index";
import { Remote } from "../remote";
import type { State } from "../state";
import { facts } from "../words";

const TABS = [
  { value: "activations", label: "Activations" },
  { value: "weights", label: "Weights" },
  { value: "gradients", label: "Gradients" },
  { value: "distribution", label: "Distribution" },
] as const;

interface Props {
  frame: Frame | null;
  state: State;
  act: Actions;
  more: typeof More | null;
  panel: string;
  open: boolean;
  toggle(): void;
}

/** Which layer, what of it, and the tabs. */
export function Head(props: Props) {
  const { frame, state, act } = props;
  const current = frame && frame.layer === state.layer ? frame : null;
  const about = current ? facts(current.type, current.panels[0]?.picture ?? null) : "";
  return (
    <div class="tvw-viewer-head">
      <span class="tvw-viewer-name">
        <span class="tvw-path">{state.layer || current?.type || "model"}</span>
        {severalOf(state) && <Remote more={props.more} view="Which" given={{ frame, state, act }} />}
        <span class="tvw-num tvw-facts" title={about}>
          {about}
        </span>
      </span>
      <span class="tvw-viewer-tabs">
        <Tabs
          label="what is shown of the layer"
          options={TABS}
          value={state.lens.tab}
          panel={props.panel}
          choose={(tab) => act.look({ tab })}
        />
        <button
          type="button"
          class="tvw-button tvw-more"
          aria-label="options"
          title="options (o)"
          aria-expanded={props.open}
          onClick={props.toggle}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6" />
            <circle cx="10" cy="4.5" r="1.8" />
            <circle cx="6" cy="11.5" r="1.8" />
          </svg>
        </button>
      </span>
    </div>
  );
}

/** Whether there is more than one thing to look at on this tab. */
function severalOf({ lens, outlets, parameters }: State): boolean {
  if (lens.tab === "gradients" || (lens.tab !== "weights" && outlets.length > 1)) return true;
  return parameters.length > 0 && (lens.tab === "weights" || lens.spread === "weights");
}
