import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { loadPart, savePart } from "../shared/part";
import type { Link } from "../shared/wire";
import type * as More from "./more/index";

/** The second bundle, or null until it is here; `needed` says whether what is on show is drawn by it. */
export function useMore(link: Link, needed: boolean): typeof More | null {
  const [more, setMore] = useState<typeof More | null>(null);
  useEffect(() => {
    void loadPart<typeof More>(link).then((part) => part && setMore(part));
  }, [link]);
  useEffect(() => savePart(link, needed), [link, more, needed]);
  return more;
}

/** A view of the second bundle, in its place among the first one's. */
export function Remote<N extends keyof More.Views>(props: { more: typeof More | null; view: N; given: More.Views[N] }) {
  const { more, view, given } = props;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (box.current && more) more.draw(box.current, view, given);
  });
  useLayoutEffect(() => {
    const element = box.current;
    return () => void (element && more?.clear(element));
  }, [more, view]);
  return <div class="tvw-remote" ref={box} data-view={view} />;
}
