import { useState } from "preact/hooks";
import { Legend } from "../head/legend";
import { codesOf } from "../picture";
import { hasLegend, PanelView } from "./panel_view";
import type { Cell, View } from "./props";
import { Trouble } from "./trouble";

/** The panels of a frame: one, or two that are compared. */
export function Body(view: View) {
  const [cell, setCell] = useState<Cell | null>(null);
  const { push } = view;
  const { panels, error, tab } = push.value;
  if (error) return <Trouble {...error} />;
  const first = panels[0];
  if (!first) {
    const reason = tab === "weights" ? "This layer has no weights of its own." : "Nothing to show.";
    return (
      <Trouble reason={reason} remedy={tab === "weights" ? "Choose one that has, or look at its activations." : ""} />
    );
  }
  const narrow = panels.length > 1;
  const legend = hasLegend({ picture: first.picture, push });
  return (
    <>
      {legend && <Legend {...view} picture={first.picture} />}
      <div class="tvw-panels" data-count={panels.length}>
        {panels.map((panel, index) => (
          <section key={index} class="tvw-panel" aria-label={panel.title || push.value.layer}>
            {(narrow || panel.title) && <h4 class="tvw-panel-title">{panel.title}</h4>}
            <PanelView
              {...view}
              {...{ panel, index, narrow, cell, setCell }}
              picture={panel.picture}
              codes={codesOf(push, panel)}
              units={view.exact(index)}
            />
          </section>
        ))}
      </div>
    </>
  );
}
