import type { Link } from "./wire";

export const LEASE = 10_000;
const FIRST_RETRY = 500;

/** Calls back with whether the element is on a shown part of a shown page, now and at every change. */
export function watchVisible(element: Element, signal: AbortSignal, changed: (visible: boolean) => void): void {
  let intersects = true;
  let last: boolean | null = null;
  const tell = () => {
    const visible = intersects && document.visibilityState !== "hidden";
    if (visible !== last) changed(visible);
    last = visible;
  };
  document.addEventListener("visibilitychange", tell, { signal });
  if (typeof IntersectionObserver === "function") {
    const observer = new IntersectionObserver((entries) => {
      intersects = entries.at(-1)?.isIntersecting ?? true;
      tell();
    });
    observer.observe(element);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }
  tell();
}

/** Greets the kernel for one view and keeps it told whether the view is seen; the kernel forgets a silent view. */
export function keepPresence(link: Link, element: Element, signal: AbortSignal): void {
  const view = `${link.id}.${Math.random().toString(36).slice(2, 8)}`;
  let visible: boolean | null = null;
  let answered = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const ask = async (op: "hello" | "presence") => {
    if (await link.request(op, { view, visible })) answered = true;
  };
  // What is sent before the host has its subshell queues behind the running cell: greet again until there is an answer,
  // ever more rarely, so that a kernel that cannot answer finds no long queue when its cell ends.
  const renew = (wait: number) => {
    timer = setTimeout(() => {
      void ask(answered ? "presence" : "hello");
      renew(answered ? LEASE : Math.min(2 * wait, LEASE));
    }, wait);
  };
  watchVisible(element, signal, (now) => {
    const first = visible === null;
    visible = now;
    void ask(first ? "hello" : "presence");
  });
  renew(FIRST_RETRY);
  const leave = () => {
    clearTimeout(timer);
    void link.request("presence", { view, visible: null });
  };
  signal.addEventListener("abort", leave, { once: true });
}
