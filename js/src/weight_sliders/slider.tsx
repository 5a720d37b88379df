import { useState } from "preact/hooks";
import { fixed } from "../shared/format";
import { useHeld } from "../shared/held";
import type { Latest } from "../shared/latest";
import { typedNumber } from "./weights";

interface Props {
  label: string;
  /** where another word than the label stands before the slider; what is after a " · " goes first where room is short */
  name?: string;
  title?: string;
  value: number;
  lo: number;
  hi: number;
  step: number;
  disabled?: boolean | undefined;
  /** where a double click goes */
  rest?: number;
  digits: number;
  /** shown and typed as percent */
  percent?: boolean;
  latest: Latest;
  op: "edit" | "blended";
  /** of the request, beside the value */
  target: object;
  /** what is asked where another value than the slider's own is sent */
  asked?: (value: number) => unknown;
}

/** A labelled slider, and a field to type its value, that show the drag at once and the kernel's value otherwise. */
export function Slider(props: Props) {
  const { value, hold, release } = useHeld(props.value);
  const { label, latest, op, target, digits, percent } = props;
  const send = async (next: number, done: boolean) => {
    hold(next);
    const reply = await latest.send(op, { ...target, value: props.asked?.(next) ?? next, done }, `${op} ${label}`);
    if (done && !latest.busy) release(reply === null);
  };
  const [what, does] = (props.name ?? label).split(" · ");
  const text = percent ? `${fixed(100 * value, digits)} %` : fixed(value, digits);
  return (
    <div class="tvw-slider" title={props.title}>
      <span class="tvw-setting-name">
        {what}
        {does && <span class="tvw-slider-does">{` · ${does}`}</span>}
      </span>
      <input
        type="range"
        min={props.lo}
        max={props.hi}
        step={props.step}
        value={value}
        disabled={props.disabled}
        aria-label={label}
        aria-valuetext={text}
        onInput={(event) => void send(event.currentTarget.valueAsNumber, false)}
        onChange={(event) => void send(event.currentTarget.valueAsNumber, true)}
        onDblClick={() => props.rest !== undefined && void send(props.rest, true)}
      />
      <Typed
        label={label}
        text={text}
        disabled={props.disabled}
        take={(typed) => void send(percent ? typed / 100 : typed, true)}
        step={(by) => void send(value + by * props.step, true)}
      />
    </div>
  );
}

interface TypedProps {
  label: string;
  text: string;
  disabled: boolean | undefined;
  take(value: number): void;
  step(by: number): void;
}

/** The value as text, which can be typed over; arrows move it by a fine step, with shift by ten. */
function Typed({ label, text, disabled, take, step }: TypedProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const value = typedNumber(typed ?? "0");
  const wrong = typed !== null && !Number.isFinite(value);
  const leave = () => {
    if (typed !== null && typed !== text && !wrong) take(value);
    setTyped(null);
  };
  const press = (event: KeyboardEvent) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by && typed === null) step(event.shiftKey ? 10 * by : by);
    else if (event.key === "Enter" && !wrong) leave();
    else if (event.key === "Escape") setTyped(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <input
      class="tvw-typed"
      type="text"
      inputMode="decimal"
      spellcheck={false}
      value={typed ?? text}
      disabled={disabled}
      aria-label={`${label}, typed`}
      aria-invalid={wrong}
      title={wrong ? `${typed} is no finite number` : "type a value; ↑ ↓ move it a little"}
      onFocus={(event) => event.currentTarget.select()}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={leave}
      onKeyDown={press}
    />
  );
}
