import { useHeld } from "../shared/held";
import type { Latest } from "../shared/latest";

interface Props {
  label: string;
  title: string;
  value: number;
  lo: number;
  hi: number;
  step: number;
  disabled?: boolean;
  /** where a double click goes */
  rest?: number;
  text(value: number): string;
  latest: Latest;
  op: "gain" | "set";
  /** of the request, beside the value */
  target: { tensor: string; index?: number[] };
}

/** A labelled slider that shows the drag at once and the kernel's value otherwise. */
export function Slider(props: Props) {
  const { value, hold, release } = useHeld(props.value);
  const send = async (next: number, done: boolean) => {
    hold(next);
    const { latest, op, target } = props;
    const key = `${op} ${target.tensor} ${target.index}`;
    const reply = await latest.send(op, { ...target, value: next, done }, key);
    if (done && !latest.busy) release(reply === null);
  };
  return (
    <label class="tvw-slider" title={props.title}>
      <span class="tvw-slider-name">{props.label}</span>
      <input
        type="range"
        min={props.lo}
        max={props.hi}
        step={props.step}
        value={value}
        disabled={props.disabled}
        aria-label={props.label}
        aria-valuetext={props.text(value)}
        onInput={(event) => void send(event.currentTarget.valueAsNumber, false)}
        onChange={(event) => void send(event.currentTarget.valueAsNumber, true)}
        onDblClick={() => props.rest !== undefined && void send(props.rest, true)}
      />
      <output>{props.text(value)}</output>
    </label>
  );
}
