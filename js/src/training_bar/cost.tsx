import { byteSize, percent } from "../shared/format";
import type { Memory, State } from "./index";

/** 812 MB · GPU 1.2 GB */
export function memoryText(memory: Memory[]): string {
  const host = memory.filter((each) => each.place === "host");
  const devices = memory.filter((each) => each.place !== "host");
  const used = devices.reduce((sum, each) => sum + each.used, 0);
  const parts = host.map((each) => byteSize(each.used));
  if (devices.length) parts.push(`${devices.length > 1 ? `${devices.length} GPUs` : "GPU"} ${byteSize(used)}`);
  return parts.join(" · ");
}

/** host: 812 MB of 16 GB */
function inFull({ place, used, total }: Memory): string {
  return `${place}: ${byteSize(used)}${total ? ` of ${byteSize(total)}` : ""}`;
}

/** What the cost is of, what it may be, and what is done about it. */
export function costTitle({ overhead_cap, savings }: State): string {
  const lines = ["time that the session's own calls take of the loop's, in the last half minute"];
  if (overhead_cap !== null) lines.push(`held to ${percent(overhead_cap)} where possible: watch(overhead=…)`);
  if (savings) lines.push(savings);
  return lines.join("\n");
}

/** The memory that training takes, and what watching adds to its time. */
export function Cost({ state }: { state: State }) {
  const { overhead, overhead_cap, savings, memory } = state;
  const over = overhead !== null && overhead_cap !== null && overhead > 1.25 * overhead_cap;
  return (
    <>
      {memory.length > 0 && (
        <span class="tvw-num tvw-bar-memory" title={memory.map(inFull).join("\n")}>
          {memoryText(memory)}
        </span>
      )}
      {overhead !== null && (
        <span class={`tvw-num tvw-bar-cost${over ? " tvw-warm" : ""}`} title={costTitle(state)}>
          watching <span class="tvw-bar-words">{savings && !over ? "held to " : "costs "}</span>
          {`${(100 * overhead).toFixed(1)} %`}
        </span>
      )}
    </>
  );
}
