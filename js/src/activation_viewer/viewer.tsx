import { useEffect, useId, useRef, useState } from "preact/hooks";
import { usePush } from "../shared/hooks";
import { onKeys } from "../shared/keyboard";
import type { ViewProps } from "../shared/mount";
import { useActions } from "./actions";
import { Body } from "./body/body";
import { isMore } from "./body/panel_view";
import { Trouble } from "./body/trouble";
import { useExact } from "./exact";
import type { Frame, Pins, Ridges, Samples } from "./frame";
import { Head } from "./head/head";
import { useKeys } from "./keys";
import { Remote, useMore } from "./remote";
import type { State } from "./state";
import { Strip } from "./strip/strip";
import { summary, when } from "./words";

/** The whole view: head, samples, what is switched off or compared, and the picture. */
export function ActivationViewer({ state: kernel, link }: ViewProps<State>) {
  const push = usePush<Frame>(link, "frame");
  const samples = usePush<Samples>(link, "samples");
  const ridges = usePush<Ridges>(link, "ridges");
  const pins = usePush<Pins>(link, "pins");
  const { state, act } = useActions(kernel, link);
  const exact = useExact(link, push);
  const [open, setOpen] = useState(false);
  const [drawing, setDrawing] = useState(false);
  const [input, setInput] = useState(0);
  const [said, say] = useState("");
  const more = useMore(link, push !== null && isMore(push.value));
  const root = useRef<HTMLDivElement>(null);
  const panel = useId();
  const frame = push?.value ?? null;
  const save = async () => {
    const name = `${state.layer || "model"} ${frame ? when(frame) : ""}`;
    say(root.current && (await more?.savePng(root.current, name)) ? "saved" : "this browser cannot draw the picture");
  };
  const copy = async () => {
    if (!frame?.code) return;
    setOpen(true);
    say((await more?.copyText(frame.code)) ? "copied" : `copy it by hand: ${frame.code}`);
  };
  const time = frame && <div class="tvw-num tvw-viewer-when">{when(frame)}</div>;
  const toggles = { options: () => setOpen(!open), pad: () => setDrawing(!drawing && state.drawable !== null) };
  const keys = useKeys({ state, act, frame, samples: samples?.value ?? null, copy, save, ...toggles });
  return (
    <div class="tvw-viewer" role="group" aria-label="activations" onKeyDown={onKeys(keys)} ref={root}>
      <Head {...{ frame, state, act, more, panel, open }} toggle={toggles.options} />
      {open && (
        <Remote
          more={more}
          view="Options"
          given={{ frame, state, act, said, copy: () => void copy(), save: () => void save() }}
        />
      )}
      {samples ? <Strip {...{ samples, frame, state, act, drawing, setDrawing }}>{time}</Strip> : time}
      {drawing && state.drawable && (
        <Remote more={more} view="DrawingPad" given={{ size: state.drawable, act, close: () => setDrawing(false) }} />
      )}
      {(state.against || state.ablations.length > 0) && (
        <Remote more={more} view="Changes" given={{ frame, state, act }} />
      )}
      <div role="tabpanel" id={panel} aria-label={state.lens.tab} data-pending={pending(state, frame)}>
        {state.lens.tab === "distribution" ? (
          frame?.error ? (
            <Trouble {...frame.error} />
          ) : (
            <Remote more={more} view="Distribution" given={{ ridges, frame, state, act }} />
          )
        ) : (
          push && <Body {...{ state, act, push, samples, pins, exact, more, input, setInput }} />
        )}
      </div>
      {frame && <Summary text={summary(frame, samples?.value.labels ?? [])} />}
    </div>
  );
}

/** Whether the frame on show is not yet the one that was asked for. */
function pending(state: State, frame: Frame | null): boolean {
  if (!frame) return false;
  return frame.layer !== state.layer || frame.tab !== state.lens.tab;
}

/** Said once the pictures rest: a reader must not be talked over while the user scrubs. */
function Summary({ text }: { text: string }) {
  const [said, say] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => say(text), 1000);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="tvw-hidden" role="status" aria-live="polite">
      {said}
    </div>
  );
}
