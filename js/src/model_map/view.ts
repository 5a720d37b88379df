import { useRef } from "preact/hooks";
import { useHeld } from "../shared/held";
import { useLatest } from "../shared/hooks";
import type { Link } from "../shared/wire";
import type { By } from "./measure";

/** How the map shows the model; the kernel holds it. */
export interface Look {
  mode: "tree" | "graph";
  /** what rows and boxes are coloured and sorted by */
  by: By | null;
  /** the largest first among siblings, not in the order of definition */
  sorted: boolean;
  /** one of `State.trends_known` */
  trend: string;
}

/** The look as the user has just set it; what is asked for while a request is on its way goes out with the next one. */
export function useLook(link: Link, kernel: Look) {
  const latest = useLatest(link);
  const { value, hold, release } = useHeld(kernel);
  const wanted = useRef<{ look: Look; changes: Partial<Look> } | null>(null);
  const ask = async (changes: Partial<Look>) => {
    const all = { ...wanted.current?.changes, ...changes };
    wanted.current = { look: { ...(wanted.current?.look ?? value), ...changes }, changes: all };
    hold(wanted.current.look);
    const reply = await latest.send("view", { changes: all });
    if (wanted.current?.changes !== all) return;
    wanted.current = null;
    release(reply === null);
  };
  return { look: value, change: (changes: Partial<Look>) => void ask(changes) };
}
