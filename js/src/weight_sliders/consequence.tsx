import { number } from "../shared/format";
import type { ProbeChange } from "./weights";

/** probe loss 0.184 → 0.231 · 2 of 8 predictions change */
export function Consequence({ probe }: { probe: ProbeChange | null }) {
  if (!probe) return null;
  const { loss_before: before, loss_after: after, changed, count, changes } = probe;
  const moved = before !== null && after !== null && number(before) !== number(after);
  return (
    <div class="tvw-caption tvw-sliders-foot" aria-live="polite">
      {before !== null && (
        <span>
          probe loss {number(before)}
          {moved && (
            <>
              {" → "}
              <b class={after > before ? "tvw-warm" : "tvw-better"}>{number(after)}</b>
            </>
          )}
        </span>
      )}
      {changed > 0 ? (
        <span title={changes.map((change) => `sample ${change}`).join("\n")}>
          {changed} of {count} {changed === 1 ? "prediction changes" : "predictions change"}
        </span>
      ) : (
        moved && <span>no prediction changes</span>
      )}
    </div>
  );
}
