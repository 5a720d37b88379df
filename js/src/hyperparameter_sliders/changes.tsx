import { useState } from "preact/hooks";
import { count } from "../shared/format";
import type { Change } from "./rows";

/** What was changed in the course of training, the newest first. */
export function Changes({ changes, open: begun }: { changes: Change[]; open: boolean }) {
  const [open, setOpen] = useState(begun);
  if (changes.length === 0) return null;
  const many = changes.length === 1 ? "1 change" : `${changes.length} changes`;
  return (
    <div class="tvw-hyper-changes">
      <button type="button" class="tvw-plain" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="tvw-hyper-fold">{open ? "▾" : "▸"}</span> {many}
      </button>
      {open && (
        <ol>
          {changes
            .map((change, i) => (
              // changes are appended, and one is amended in its place
              <li key={i}>
                <span>{count(change.step)}</span>
                <span class="tvw-mono">{change.text}</span>
                {change.by !== "user" && <span class="tvw-warm">{change.by}</span>}
              </li>
            ))
            .reverse()}
        </ol>
      )}
    </div>
  );
}
