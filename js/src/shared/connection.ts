import type { Link } from "./wire";

/** The class that ipywidgets gives a view while no kernel is behind its model; hosts without it never say so. */
const DISCONNECTED = "jupyter-widgets-disconnected";

/** ms after which a host that has lost its kernel has closed the comms, too */
const SETTLING = 200;

/** What of a model tells that its comm has opened or closed, where the host's are ipywidgets' models. */
interface Telling {
  on(event: "comm_live_update", callback: () => void): void;
  off(event: "comm_live_update", callback: () => void): void;
}

/** JupyterLab gives anywidget's views no class when a kernel restarts; the model's event does not say which it was. */
export function watchComm(model: Telling, link: Link, signal: AbortSignal): void {
  const changed = () => setTimeout(() => signal.aborted || link.probe(), SETTLING);
  model.on("comm_live_update", changed);
  signal.addEventListener("abort", () => model.off("comm_live_update", changed), { once: true });
}

/** Keeps the link told whether the host has a kernel for the model of this view. */
export function watchConnection(link: Link, element: Element, signal: AbortSignal): void {
  let alive = true;
  const tell = () => {
    const now = !element.classList.contains(DISCONNECTED);
    if (now !== alive) link.connected(now);
    alive = now;
  };
  const observer = new MutationObserver(tell);
  observer.observe(element, { attributeFilter: ["class"] });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  tell();
}
