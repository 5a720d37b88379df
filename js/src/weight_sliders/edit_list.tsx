import { useEffect, useState } from "preact/hooks";
import { copyText } from "../shared/clipboard";
import { usePush } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import { Button } from "../shared/parts";
import type { Link } from "../shared/wire";
import type { Listed } from "./weights";

interface Code {
  text: string;
}

interface Props {
  link: Link;
  latest: Latest;
  canLive: boolean;
}

/** The edits in effect and those that can be made again, and what can be done with all of them. */
export function EditList({ link, latest, canLive }: Props) {
  const push = usePush<Listed>(link, "edits");
  useEffect(() => {
    void latest.send("listing", { on: true });
    return () => void latest.send("listing", { on: false });
  }, [latest]);
  const [copied, setCopied] = useState<string | null>(null);
  const { rows = [], live = false } = push?.value ?? {};
  const copy = async () => {
    const reply = await latest.send<Code>("code", {});
    if (reply) setCopied((await copyText(reply.value.text)) ? "copied" : "the browser keeps its clipboard to itself");
  };
  const made = rows.filter((row) => !row.undone).length;
  return (
    <div class="tvw-sliders-list">
      {!rows.length && (
        <p class="tvw-sliders-none">{live ? "No edit of the model yet." : "No edit is previewed: move a slider."}</p>
      )}
      <ol class="tvw-edits">
        {rows.map(({ text, where, undone, change, tensor, index }, i) => (
          <li key={i} class={undone ? "tvw-undone" : undefined}>
            <span class="tvw-mono" title={text}>
              {text}
            </span>
            <span class="tvw-num">{undone ? "taken back" : where}</span>
            {!live && (
              <button
                type="button"
                class="tvw-plain"
                aria-label={`drop ${text}`}
                title="drop this edit"
                onClick={() => void latest.send("drop", { change, tensor, index })}
              >
                ×
              </button>
            )}
          </li>
        ))}
      </ol>
      {made > 0 && (
        <div class="tvw-tools-row">
          <Button act={() => void copy()} title="Python that makes these edits on a state_dict, bit for bit">
            Copy as code
          </Button>
          {!live && canLive && (
            <Button act={() => void latest.send("make_live", {})} title="make these edits in the model itself">
              Make live
            </Button>
          )}
          {copied && (
            <span class="tvw-num" role="status">
              {copied}
            </span>
          )}
        </div>
      )}
    </div>
  );
}
