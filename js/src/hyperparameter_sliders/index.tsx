import "../shared/theme.css";
import "./style.css";
import { useState } from "preact/hooks";
import { useControl } from "../shared/held";
import { useLatest } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { Latest } from "../shared/latest";
import { type ViewProps, widget } from "../shared/mount";
import { Button } from "../shared/parts";
import { Changes } from "./changes";
import { RowView } from "./row_view";
import { type Change, ofFolded, type Row, type Section, sections } from "./rows";

export interface State {
  rows: Row[];
  changes: Change[];
  undoable: number;
  /** why there are no rows, and the remedy */
  why_empty: string;
  folded: boolean;
}

function HyperparameterSliders({ state, link }: ViewProps<State>) {
  const latest = useLatest(link);
  const folded = useControl(latest, state.folded, "fold", "folded");
  const undo = () => state.undoable > 0 && void latest.send("undo", {});
  const rows = folded.value ? ofFolded(state.rows) : state.rows;
  return (
    <div class="tvw-hyper" role="group" aria-label="hyperparameters" onKeyDown={onKeys({ u: undo })}>
      <div class="tvw-hyper-head">
        <button
          type="button"
          class="tvw-plain"
          aria-expanded={!folded.value}
          onClick={() => void folded.set(!folded.value)}
        >
          <span class="tvw-hyper-fold">{folded.value ? "▸" : "▾"}</span> Hyperparameters
        </button>
        {state.undoable > 0 && (
          <Button act={undo} title="take back the last change (u)">
            {`Undo ${state.undoable}`}
          </Button>
        )}
      </div>
      <div class="tvw-hyper-list" tabIndex={-1}>
        {sections(rows).map((section) => (
          <SectionView
            key={section.title + section.about}
            section={section}
            titled={!folded.value}
            all={folded.value}
            latest={latest}
          />
        ))}
        {state.why_empty && <p class="tvw-hyper-none">{sentence(state.why_empty)}</p>}
        {(!folded.value || state.rows.length === 0) && (
          <Changes changes={state.changes} open={state.rows.length === 0} />
        )}
      </div>
    </div>
  );
}

interface SectionProps {
  section: Section;
  titled: boolean;
  /** whether every row shows at once */
  all: boolean;
  latest: Latest;
}

/** An optimizer's group, or the Dropouts: what is set most often, and the rest on request. */
function SectionView({ section, titled, all, latest }: SectionProps) {
  const [open, setOpen] = useState(false);
  const rest = section.rows.filter((row) => !row.main).length;
  const some = !all && !open && rest > 0 && rest < section.rows.length;
  const rows = some ? section.rows.filter((row) => row.main || row.held || row.remark) : section.rows;
  return (
    <section class="tvw-hyper-section" aria-label={section.title}>
      {titled && (
        <div class="tvw-hyper-title" title={section.about}>
          <b>{section.title}</b>
          <span>{section.about}</span>
        </div>
      )}
      {rows.map((row) => (
        <RowView key={row.name} row={row} label={titled ? row.label : row.name} latest={latest} />
      ))}
      {!all && rest > 0 && rest < section.rows.length && (
        <button type="button" class="tvw-plain tvw-hyper-more" aria-expanded={open} onClick={() => setOpen(!open)}>
          <span class="tvw-hyper-fold">{open ? "▾" : "▸"}</span> {open ? "fewer" : `${rest} more`}
        </button>
      )}
    </section>
  );
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

export default widget<State>({
  name: "hyperparameter_sliders",
  traits: { rows: true, changes: true, undoable: true, why_empty: true, folded: true },
  View: HyperparameterSliders,
  help: [
    ["← →", "move a slider"],
    ["Enter", "take what was typed; Esc: leave it"],
    ["u", "undo"],
  ],
});
