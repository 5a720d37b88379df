import type { Link } from "./wire";

/** The class that ipywidgets gives a view while no kernel is behind its model; hosts without it never say so. */
const DISCONNECTED = "jupyter-widgets-disconnected";

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
