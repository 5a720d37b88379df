import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { onKeys, roving } from "./keyboard";

export interface Option<V extends string> {
  value: V;
  label: string;
  /** why it cannot be chosen now */
  unavailable?: string | undefined;
  title?: string;
}

/** A few exclusive choices side by side: one tab stop, arrows move the choice. */
export function Segmented<V extends string>(props: {
  label: string;
  options: readonly Option<V>[];
  value: V;
  choose(value: V): unknown;
}) {
  const open = props.options.filter((option) => !option.unavailable);
  const at = open.findIndex((option) => option.value === props.value);
  const go = (by: number) => () => {
    const next = open[(at + by + open.length) % open.length];
    if (next) props.choose(next.value);
  };
  const keys = { ArrowLeft: go(-1), ArrowUp: go(-1), ArrowRight: go(1), ArrowDown: go(1) };
  return (
    <div class="tvw-segmented" role="radiogroup" aria-label={props.label} onKeyDown={onKeys(keys)}>
      {props.options.map((option) => (
        <button
          type="button"
          role="radio"
          key={option.value}
          aria-checked={option.value === props.value}
          aria-disabled={Boolean(option.unavailable)}
          tabIndex={option.value === props.value ? 0 : -1}
          title={option.unavailable ?? option.title}
          onClick={() => !option.unavailable && props.choose(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** Tabs over one panel: one tab stop, arrows move between them. */
export function Tabs<V extends string>(props: {
  label: string;
  options: readonly Option<V>[];
  value: V;
  /** id of the panel that they change */
  panel: string;
  choose(value: V): unknown;
}) {
  const at = props.options.findIndex((option) => option.value === props.value);
  const box = useRef<HTMLDivElement>(null);
  const press = (event: KeyboardEvent) => {
    const next = roving(event.key, at, props.options.length);
    const option = next === null ? undefined : props.options[next];
    if (!option || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    props.choose(option.value);
    (box.current?.children[next ?? 0] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tvw-segmented tvw-tabs" role="tablist" aria-label={props.label} ref={box} onKeyDown={press}>
      {props.options.map((option) => (
        <button
          type="button"
          role="tab"
          key={option.value}
          aria-selected={option.value === props.value}
          aria-controls={props.panel}
          tabIndex={option.value === props.value ? 0 : -1}
          title={option.title}
          onClick={() => props.choose(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** A native choice in the words of the sentence that it stands in. */
export function Select(props: {
  label: string;
  options: readonly { value: string; label: string }[];
  value: string;
  choose(value: string): unknown;
}) {
  return (
    <select
      class="tvw-select"
      aria-label={props.label}
      title={props.label}
      value={props.value}
      onChange={(event) => props.choose(event.currentTarget.value)}
    >
      {props.options.map(({ value, label }) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

export function Button(props: {
  children: ComponentChildren;
  act(): void;
  title?: string;
  label?: string;
  pressed?: boolean | undefined;
  expanded?: boolean;
  disabled?: boolean;
  /** in a row of a list */
  small?: boolean;
  /** why it cannot be pressed now; it keeps the focus, and says so */
  unavailable?: string | undefined;
}) {
  return (
    <button
      type="button"
      class="tvw-button"
      data-small={props.small}
      title={props.unavailable || props.title}
      aria-disabled={props.unavailable ? true : undefined}
      aria-label={props.label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      disabled={props.disabled}
      onClick={() => props.unavailable || props.act()}
    >
      {props.children}
    </button>
  );
}

/** An SVG polyline through `values` in a width × height box; gaps where a value is missing. */
export function sparkPath(values: ArrayLike<number>, width: number, height: number, pad = 1.5): string {
  let lo = Number.POSITIVE_INFINITY;
  let hi = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) continue;
    lo = Math.min(lo, value);
    hi = Math.max(hi, value);
  }
  const y = (value: number) => (hi > lo ? pad + ((hi - value) / (hi - lo)) * (height - 2 * pad) : height / 2);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let path = "";
  let pen = "M";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (!Number.isFinite(value)) {
      pen = "M";
      continue;
    }
    path += `${pen}${(i * step).toFixed(1)},${y(value).toFixed(1)}`;
    pen = "L";
  }
  return path;
}
