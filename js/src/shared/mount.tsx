import type { Initialize, Render } from "@anywidget/types";
import { type FunctionComponent, render } from "preact";
import { watchComm, watchConnection } from "./connection";
import { Frame, type KeyHelp } from "./frame";
import { keepStill } from "./still";
import { keepPresence } from "./visibility";
import { Link } from "./wire";

export interface ViewProps<S> {
  state: S;
  link: Link;
}

export interface WidgetOptions<S> {
  /** folder name of the widget; its root gets the class tvw-<name-with-dashes> */
  name: string;
  /** the synced traits: an object, so that the compiler misses none */
  traits: Record<keyof S & string, true>;
  View: FunctionComponent<ViewProps<S>>;
  help?: KeyHelp;
}

/**
 * An anywidget module. It is a function, so that nothing is shared between instances where a host imports the module
 * once; all views of one model share its link.
 */
export function widget<S extends object>(options: WidgetOptions<S>) {
  return () => {
    let link: Link | undefined;
    const initialize: Initialize<S> = ({ model, signal }) => {
      link = new Link(model, signal);
      keepStill(model as never, link, signal);
    };
    const draw: Render<S> = ({ model, el, signal }) => {
      if (!link) throw new Error(`${options.name}: render was called before initialize`);
      const view = new AbortController();
      signal?.addEventListener("abort", () => view.abort(), { once: true });
      show(options, model, link, el, view.signal);
      return () => view.abort();
    };
    return { initialize, render: draw };
  };
}

type Model<S extends object> = Parameters<Render<S>>[0]["model"];

function show<S extends object>(
  options: WidgetOptions<S>,
  model: Model<S>,
  link: Link,
  el: HTMLElement,
  signal: AbortSignal,
): void {
  const root = document.createElement("div");
  root.className = `tvw tvw-${options.name.replaceAll("_", "-")}`;
  root.addEventListener("focusin", keepKeys, { signal });
  el.append(root);
  const keys = Object.keys(options.traits) as (keyof S & string)[];
  const draw = () => {
    const state = Object.fromEntries(keys.map((key) => [key, model.get(key)])) as S;
    const content = <options.View state={state} link={link} />;
    render(
      <Frame link={link} help={options.help}>
        {content}
      </Frame>,
      root,
    );
  };
  const redraw = coalesce(draw, signal);
  for (const key of keys) model.on(`change:${key}`, redraw);
  draw();
  watchConnection(link, el, signal);
  watchComm(model as never, link, signal);
  keepPresence(link, root, signal);
  const remove = () => {
    for (const key of keys) model.off(`change:${key}`, redraw);
    render(null, root);
    root.remove();
  };
  signal.addEventListener("abort", remove, { once: true });
}

/**
 * JupyterLab takes arrows and letters for its command mode unless the element that has the focus says otherwise; it looks
 * at that element first, so an ancestor's word would come too late.
 */
function keepKeys(event: FocusEvent): void {
  if (event.target instanceof HTMLElement) event.target.dataset.lmSuppressShortcuts = "true";
}

/** One update of the kernel changes several traits, one event each: draw once. */
function coalesce(draw: () => void, signal: AbortSignal): () => void {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      if (!signal.aborted) draw();
    });
  };
}
