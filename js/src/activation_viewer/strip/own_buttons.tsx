import { useRef } from "preact/hooks";
import type { Actions } from "../actions";
import type { State } from "../state";

interface Props {
  state: State;
  act: Actions;
  drawing: boolean;
  setDrawing(on: boolean): void;
}

/** Other inputs than the probe's: a file, a drawing; and back again. */
export function OwnButtons({ state, act, drawing, setDrawing }: Props) {
  const file = useRef<HTMLInputElement>(null);
  const chosen = () => {
    const first = file.current?.files?.[0];
    if (first) act.upload(first);
    if (file.current) file.current.value = "";
  };
  return (
    <div class="tvw-own" role="group" aria-label="your own input">
      <input
        ref={file}
        type="file"
        accept="image/*,.npy"
        class="tvw-hidden"
        tabIndex={-1}
        aria-label="a file as the input"
        onChange={chosen}
      />
      <button
        type="button"
        class="tvw-add"
        title="your own image, or drop one here"
        onClick={() => file.current?.click()}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M8 11V3M4.5 6.5 8 3l3.5 3.5M3 13h10" />
        </svg>
        <span>upload</span>
      </button>
      {state.drawable && (
        <button
          type="button"
          class="tvw-add"
          title="draw the input (d)"
          aria-expanded={drawing}
          onClick={() => setDrawing(!drawing)}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="m3 13 .8-3L11 2.8 13.2 5 6 12.2z" />
          </svg>
          <span>draw</span>
        </button>
      )}
      {state.own && (
        <button type="button" class="tvw-add" title="forget your input" onClick={() => act.forget()}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="m4 4 8 8M12 4l-8 8" />
          </svg>
          <span>forget</span>
        </button>
      )}
    </div>
  );
}
