import type { ComponentChildren } from "preact";
import { Button, Select } from "../shared/parts";
import { type By, MEASURE_NAMES, MEASURES } from "./measure";
import type { Look } from "./view";

const BY = [{ value: "", label: "nothing" }, ...MEASURES.map((value) => ({ value, label: MEASURE_NAMES[value] }))];

interface Props {
  look: Look;
  change(changes: Partial<Look>): void;
  trends: readonly { value: string; label: string }[];
  openAll(open: boolean): void;
  save(): void;
}

/** What rows and boxes are coloured by, the statistic of the lines, and saving. */
export function Options({ look, change, trends, openAll, save }: Props) {
  return (
    <div class="tvw-map-options" role="group" aria-label="options">
      <Field name="colour by">
        <Select
          label="colour by"
          options={BY}
          value={look.by ?? ""}
          choose={(by) => change(by ? { by: by as By } : { by: null, sorted: false })}
        />
      </Field>
      {look.mode === "tree" && (
        <Field name="order">
          <Select
            label="order"
            options={[
              { value: "", label: "as defined" },
              { value: "sorted", label: look.by ? `most ${MEASURE_NAMES[look.by]} first` : "most parameters first" },
            ]}
            value={look.sorted ? "sorted" : ""}
            choose={(order) => change(order ? { sorted: true, by: look.by ?? "parameters" } : { sorted: false })}
          />
        </Field>
      )}
      {look.mode === "tree" && trends.length > 0 && (
        <Field name="line">
          <Select label="line" options={trends} value={look.trend} choose={(trend) => change({ trend })} />
        </Field>
      )}
      <span class="tvw-map-buttons">
        <Button act={() => openAll(true)} title="open every box">
          Open all
        </Button>
        <Button act={() => openAll(false)} title="close every box">
          Close all
        </Button>
        <Button act={save} title="save the picture as an SVG file">
          SVG
        </Button>
      </span>
    </div>
  );
}

function Field(props: { name: string; children: ComponentChildren }) {
  return (
    <span class="tvw-map-choice">
      <span>{props.name}</span>
      {props.children}
    </span>
  );
}
