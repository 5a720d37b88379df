import { Button } from "../../shared/parts";
import type { Actions } from "../actions";
import type { Frame } from "../frame";
import type { Ablation, State } from "../state";
import { changes } from "../words";

const MOST = 8;

/** What is not as the model is: units switched off, something compared with. Nothing where all is plain. */
export function Changes({ frame, state, act }: { frame: Frame | null; state: State; act: Actions }) {
  return (
    <>
      {state.ablations.length > 0 && <Ablations frame={frame} ablations={state.ablations} act={act} />}
      {state.against && (
        <div class="tvw-changes">
          <span>{`compared with ${state.against.label}`}</span>
          <Button pressed={state.lens.difference} act={() => act.look({ difference: !state.lens.difference })}>
            Difference
          </Button>
          <Button act={() => act.compare(null, null)}>End</Button>
        </div>
      )}
    </>
  );
}

function Ablations({ frame, ablations, act }: { frame: Frame | null; ablations: Ablation[]; act: Actions }) {
  const listed = ablations.slice(0, MOST);
  return (
    <div class="tvw-changes" data-testid="tvw-ablations">
      <span class="tvw-warm">off</span>
      {listed.map((one) => (
        <Chip key={`${one.key} ${one.axis} ${one.unit}`} one={one} here={frame?.key === one.key} act={act} />
      ))}
      {ablations.length > listed.length && <span>{`and ${ablations.length - listed.length} more`}</span>}
      <span>{frame ? changes(frame) : ""}</span>
      <Button act={() => act.resetAblations()}>Reset</Button>
    </div>
  );
}

function Chip({ one, here, act }: { one: Ablation; here: boolean; act: Actions }) {
  const text = `${one.key} ${one.axis} ${one.unit}${one.method === "mean" ? " (mean)" : ""}`;
  const token = one.axis === "token" ? "token" : undefined;
  if (!here) return <span class="tvw-chip tvw-mono">{text}</span>;
  return (
    <span class="tvw-chip tvw-mono">
      {token ? (
        text
      ) : (
        <button type="button" class="tvw-plain" onClick={() => act.unit(one.unit)}>
          {text}
        </button>
      )}
      <button
        type="button"
        class="tvw-plain"
        aria-label={`switch ${text} on again`}
        onClick={() => act.ablate(one.unit, null, token)}
      >
        ×
      </button>
    </span>
  );
}
