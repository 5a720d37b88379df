import type { ComponentChildren } from "preact";
import { Button, Segmented, Select } from "../../shared/parts";
import type { Actions } from "../actions";
import type { Frame } from "../frame";
import { fitting } from "../picture";
import type { State } from "../state";

const LIMITS = [
  {
    value: "robust",
    label: "robust",
    title: "a few extreme values do not flatten the rest: they are clipped and counted",
  },
  { value: "full", label: "min–max", title: "from the least to the greatest value" },
] as const;

interface Props {
  frame: Frame | null;
  state: State;
  act: Actions;
  copy(): void;
  save(): void;
  said: string;
}

/** What is not needed at first sight. */
export function Options({ frame, state, act, copy, save, said }: Props) {
  const { lens } = state;
  const picture = frame?.panels[0]?.picture;
  const dead = frame?.dead;
  return (
    <div class="tvw-options" role="group" aria-label="options">
      <Field name="limits">
        <Segmented label="limits" options={LIMITS} value={lens.limits} choose={(limits) => act.look({ limits })} />
      </Field>
      {picture && picture.shape.length > 0 && lens.tab !== "distribution" && (
        <Field name="show as">
          <Select
            label="show as"
            options={[
              { value: "", label: lens.kind ? "automatic" : `automatic (${picture.kind})` },
              ...fitting(picture).map((kind) => ({ value: kind, label: kind })),
            ]}
            value={lens.kind ?? ""}
            choose={(kind) => act.look({ kind: kind || null })}
          />
        </Field>
      )}
      {lens.sort === "change" && <Since frame={frame} state={state} act={act} />}
      {dead !== null && dead !== undefined && (
        <label class="tvw-field">
          <input
            type="checkbox"
            checked={lens.alive}
            onChange={(event) => act.look({ alive: event.currentTarget.checked })}
          />
          {`hide dead units (${dead})`}
        </label>
      )}
      <span class="tvw-field tvw-field-last">
        <span class="tvw-hint" role="status">
          {said}
        </span>
        <Button act={copy} disabled={!frame?.code} title={frame?.code || "nothing to copy yet"}>
          Copy Python
        </Button>
        <Button act={save} title="what is shown, as a picture (e)">
          Save PNG
        </Button>
      </span>
    </div>
  );
}

function Since({ frame, state, act }: Pick<Props, "frame" | "state" | "act">) {
  const { since } = state.lens;
  return (
    <Field
      name={since === null ? "change since the first snapshot" : `change since step ${since.toLocaleString("en-US")}`}
    >
      <Button disabled={!frame} act={() => act.look({ since: frame?.step ?? null })}>
        Since here
      </Button>
      {since !== null && <Button act={() => act.look({ since: null })}>Since the first</Button>}
    </Field>
  );
}

function Field({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <span class="tvw-field">
      <span>{name}</span>
      {children}
    </span>
  );
}
