import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { onKeys } from "../../shared/keyboard";
import type { Push } from "../../shared/wire";
import type { Actions } from "../actions";
import type { Frame, Samples } from "../frame";
import type { State } from "../state";
import { change, verdict } from "../words";
import { OwnButtons } from "./own_buttons";
import { SampleImage } from "./sample_image";

/** CSS px of a thumbnail's longer side, and between two columns */
const THUMB = 48;
const GAP = 4;
/** CSS px of a column at least and at most: with short captions, with class names */
const NARROW = [56, 56] as const;
const WIDE = [64, 84] as const;
/** of one of the buttons behind the samples, and of the room before them */
const BUTTON = 54;
const APART = 8;
/** captions up to here fit a narrow column: "12 → 34" */
const SHORT = 2;

interface Props {
  samples: Push<Samples>;
  frame: Frame | null;
  state: State;
  act: Actions;
  drawing: boolean;
  setDrawing(on: boolean): void;
  /** at the end of the row */
  children: ComponentChildren;
}

/** The probe's samples and the user's own input, each with its true and predicted class; picks the one looked at. */
export function Strip(props: Props) {
  const { samples, state, act } = props;
  const box = useRef<HTMLDivElement>(null);
  const { count } = samples.value;
  const own = samples.value.own || state.own;
  const selected = state.lens.input === "own" && own ? count : state.sample;
  const pick = (index: number) => {
    if (index >= 0 && index < count) act.sample(index);
    else if (index === count && own) act.look({ input: "own" });
  };
  const keys = { ArrowLeft: () => pick(selected - 1), ArrowRight: () => pick(selected + 1), " ": undefined };
  useLayoutEffect(() => {
    const thumb = box.current?.children[selected];
    if (!(thumb instanceof HTMLElement) || !box.current) return;
    if (box.current.contains(document.activeElement)) thumb.focus({ preventScroll: true });
    const { scrollTop, clientHeight } = box.current;
    const { offsetTop, offsetHeight } = thumb;
    const inView = offsetTop >= scrollTop && offsetTop + offsetHeight <= scrollTop + clientHeight;
    if (!inView) box.current.scrollTop = offsetTop;
  }, [selected]);
  return (
    <div
      class="tvw-strip-row"
      data-images={samples.value.height > 0}
      style={sizes(props, Boolean(own))}
      {...dropped(act)}
    >
      <div class="tvw-strip-samples">
        <div class="tvw-strip" role="radiogroup" aria-label="probe sample" ref={box} onKeyDown={onKeys(keys)}>
          {Array.from({ length: count }, (_, index) => (
            <Thumb key={index} {...props} index={index} selected={index === selected} pick={pick} />
          ))}
          {own && <Thumb key="own" {...props} index={count} selected={selected === count} pick={pick} />}
        </div>
        <OwnButtons {...props} />
      </div>
      {props.children}
    </div>
  );
}

/** What the layout in strip.css is reckoned from. No column follows its own caption: it would move as that changes. */
function sizes({ samples, frame, state }: Props, own: boolean): Record<string, string> {
  const { count, height, width, labels } = samples.value;
  const shown = count + (own ? 1 : 0);
  const texts = [...labels, ...(frame?.predictions ?? []).map(({ text }) => text)];
  const [least, most] = texts.some((text) => text && text.length > SHORT) ? WIDE : NARROW;
  const buttons = APART + BUTTON * (1 + Number(state.drawable !== null) + Number(state.own !== null));
  const row = (THUMB * height) / Math.max(1, height, width) + (frame?.before ? 34 : 20);
  const px = (name: string, value: number) => [`--tvw-strip-${name}`, `${value}px`];
  return Object.fromEntries([
    ["--tvw-strip-count", String(shown)],
    px("wide", most),
    px("row", Math.ceil(row)),
    px("least", shown * (least + GAP) + buttons),
    px("most", shown * (most + GAP) + buttons),
  ]);
}

/** An image may be dropped anywhere on the strip. */
function dropped(act: Actions) {
  const over = (event: DragEvent) => event.preventDefault();
  const drop = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    const file = event.dataTransfer?.files[0];
    if (file) act.upload(file);
  };
  return { onDragOver: over, onDrop: drop };
}

interface ThumbProps extends Props {
  index: number;
  selected: boolean;
  pick(index: number): void;
}

function Thumb({ samples, frame, state, act, index, selected, pick }: ThumbProps) {
  const own = index === samples.value.count;
  const prediction = frame?.predictions?.[index];
  const label = own ? null : (samples.value.labels[index] ?? null);
  const { text, wrong } = own
    ? { text: prediction?.text ?? state.own?.label ?? "yours", wrong: false }
    : verdict(index, label, prediction);
  const moved = frame?.before ? change(frame.before[index], prediction) : "";
  const sure = prediction?.probability;
  const title = typeof sure === "number" ? `predicted ${prediction?.text}, ${(sure * 100).toFixed(1)} %` : text;
  const choose = (event: MouseEvent) => {
    if (!event.shiftKey || own) return pick(index);
    act.compare(null, state.against?.sample === index ? null : index);
  };
  const name = own ? `your input: ${text}` : `sample ${index}: ${text}${wrong ? ", wrong" : ""}`;
  return (
    <button
      type="button"
      role="radio"
      class="tvw-thumb"
      aria-checked={selected}
      aria-label={`${name}${moved ? `, ${moved}` : ""}`}
      tabIndex={selected ? 0 : -1}
      title={own ? (state.own?.note ?? title) : `${title}${moved && `, ${moved}`}\nshift-click to compare`}
      data-wrong={wrong}
      data-own={own}
      data-against={state.against !== null && state.against.sample === index && !own}
      data-changed={moved.startsWith("was")}
      onClick={choose}
    >
      <SampleImage samples={samples} index={index} size={THUMB} />
      <span>{text}</span>
      {frame?.before && <small>{moved || "\u00a0"}</small>}
    </button>
  );
}
