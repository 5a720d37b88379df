import type { ComponentChildren } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";
import { onKeys } from "./keyboard";
import type { Link, LinkStatus } from "./wire";

/** Rows of the key list: [keys, what they do]. */
export type KeyHelp = readonly (readonly [string, string])[];

const BUSY =
  "No answer from the kernel yet: interactive when the cell ends; use session.start(train) to train in the background.";

const LOST = "The kernel is gone: this is the last picture. Run the cells again for a live one.";
const NEVER = "The picture that was saved with the notebook: run the cells for a live one.";
const PARTLY = "The picture was too large to be saved with the notebook: run the cells to see it.";
const GONE = { lost: LOST, never: NEVER, partly: PARTLY };

/** What every widget has around its view: the notice, the kernel's refusal, the list of keys. */
export function Frame(props: { link: Link; help: KeyHelp | undefined; children: ComponentChildren }) {
  const { link, help, children } = props;
  const [listed, setListed] = useState(false);
  const status = useStatus(link);
  const keys = { h: help && (() => setListed(!listed)), Escape: listed ? () => setListed(false) : undefined };
  return (
    <div class="tvw-frame" role="group" data-gone={Boolean(status.gone)} onKeyDown={onKeys(keys)}>
      <Notices link={link} status={status} />
      {children}
      {help && listed && <KeyList help={help} close={() => setListed(false)} />}
    </div>
  );
}

function useStatus(link: Link): LinkStatus {
  const [, update] = useReducer((n: number, _: undefined) => n + 1, 0);
  useLayoutEffect(() => link.watch(() => update(undefined)), [link]);
  return link.status;
}

function Notices({ link, status }: { link: Link; status: LinkStatus }) {
  const { gone, silent, error } = status;
  const notice = gone ? GONE[gone] : silent ? BUSY : null;
  return (
    <div class="tvw-notices" role="status">
      {notice && <div class={`tvw-notice tvw-busy${gone ? " tvw-gone" : ""}`}>{notice}</div>}
      {error && (
        <div class="tvw-notice tvw-refused">
          <span>{error}</span>
          <button type="button" class="tvw-plain" aria-label="dismiss" onClick={() => link.dismiss()}>
            ×
          </button>
        </div>
      )}
    </div>
  );
}

function KeyList({ help, close }: { help: KeyHelp; close: () => void }) {
  return (
    <dialog open class="tvw-keys" aria-label="keys">
      <dl>
        {help.map(([key, does]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <button type="button" class="tvw-button" onClick={close}>
        Close
      </button>
    </dialog>
  );
}
