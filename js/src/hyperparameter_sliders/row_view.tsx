import { useHeld } from "../shared/held";
import type { Latest } from "../shared/latest";
import { Button } from "../shared/parts";
import { Field } from "./field";
import { division, isRate, plain, type Row, typed } from "./rows";

type Value = number | boolean | string;

/** One hyperparameter: slider and field, or a switch; below it what a scheduler has made of the user's value. */
export function RowView({ row, label, latest }: { row: Row; label: string; latest: Latest }) {
  const { value, hold, release } = useHeld<Value | null>(row.value);
  const send = async (next: Value, done: boolean) => {
    hold(next);
    const reply = await latest.send("set", { name: row.name, value: next, done }, `set ${row.name}`);
    if (done && !latest.busy) release(reply === null);
  };
  const keep = (held: boolean) => void latest.send("hold", { name: row.name, held }, `hold ${row.name}`);
  const holdable = isRate(row) || row.held || row.remark !== "";
  return (
    <div class="tvw-hyper-row" data-name={row.name}>
      <span class="tvw-setting-name" title={row.name}>
        {label}
        {row.scheduler && <i title={`${row.scheduler} sets it as training goes on`}>{row.scheduler}</i>}
      </span>
      {row.scale === "switch" ? (
        <Switch row={row} on={value === true} send={send} />
      ) : (
        <Slider row={row} value={value as number | string | null} send={send} />
      )}
      {holdable ? (
        <Button act={() => keep(!row.held)} pressed={row.held} small title={HOLD} label={`hold ${row.name}`}>
          Hold
        </Button>
      ) : (
        <span />
      )}
      {row.remark && <Remark row={row} keep={keep} />}
    </div>
  );
}

const HOLD = "keep this value against schedulers, at every step";

interface PartProps<V> {
  row: Row;
  value: V;
  send(value: Value, done: boolean): Promise<void>;
}

function Slider({ row, value, send }: PartProps<number | string | null>) {
  const { count, value: at, position } = division(row);
  const mixed = value === null;
  const shown = typeof value === "number" ? value : Number(row.first);
  const text = mixed ? "mixed" : typeof value === "number" ? plain(value) : value;
  return (
    <>
      <input
        type="range"
        min={0}
        max={count}
        step={1}
        value={position(shown)}
        aria-label={row.name}
        aria-valuetext={text}
        title={`${row.name}: ${text}\nbegan at ${plain(Number(row.first))}: a double click goes back there`}
        onInput={(event) => void send(at(event.currentTarget.valueAsNumber), false)}
        onChange={(event) => void send(at(event.currentTarget.valueAsNumber), true)}
        onDblClick={() => void send(row.first, true)}
      />
      <Field
        label={`${row.name}, typed`}
        title={typeof value === "number" ? String(value) : text}
        text={text}
        enter={(draft) => void send(typed(draft), true)}
      />
    </>
  );
}

function Switch({ row, on, send }: { row: Row; on: boolean; send(value: Value, done: boolean): Promise<void> }) {
  return (
    <label class="tvw-hyper-switch">
      <input
        type="checkbox"
        checked={on}
        aria-label={row.name}
        onChange={(event) => void send(event.currentTarget.checked, true)}
      />
      {on ? "on" : "off"}
    </label>
  );
}

/** StepLR set lr back to 0.1 · Hold 0.01 */
function Remark({ row, keep }: { row: Row; keep(held: boolean): void }) {
  return (
    <div class={`tvw-hyper-remark${row.held ? "" : " tvw-warm"}`} role="status">
      <span>{row.remark}</span>
      {row.wished !== null && (
        <Button act={() => keep(true)} small title={HOLD}>
          Hold {typeof row.wished === "number" ? plain(row.wished) : String(row.wished)}
        </Button>
      )}
    </div>
  );
}
