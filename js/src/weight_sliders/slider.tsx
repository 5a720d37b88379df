import { useHeld } from "../shared/hooks";

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
  /** resolves once the kernel has carried it out; `done` when the drag ends */
  change(value: number, done: boolean): Promise<boolean>;
}

/** A labelled slider that shows the drag at once and the kernel's value otherwise. */
export function Slider(props: Props) {
  const { value, hold, release } = useHeld(props.value);
  const send = async (next: number, done: boolean) => {
    hold(next);
    const settled = await props.change(next, done);
    if (done && settled) release();
  };
  return (
    <label class="tvw-slider" title={props.title}>
      <code>{props.label}</code>
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
