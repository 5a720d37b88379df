// An activation viewer on a model without a kernel, as a test opens it.
import { afterEach, beforeEach, vi } from "vitest";
import viewer from "../src/activation_viewer/index";
import { LENS } from "../src/activation_viewer/state";
import { FakeModel, inside, settle } from "./fake_model";

const PICTURE = {
  ...{ kind: "maps", shape: [2, 2, 2], tiles: [2, 2, 2], lo: -1, hi: 1, diverging: true, clipped: 3, nan: 1 },
  ...{ posinf: 0, neginf: 0, mean: 0.2, std: 1, zeros: 0.25, shown: 2, total: 2, dtype: "float32", note: "a note" },
  ...{ order: null, unit_lo: null, unit_hi: null, axes: ["channel", "row", "column"], lead: [2], grid: null },
  ...{ prefix: null, categories: null, text: null },
};
export const panel = (picture: object, given: object = {}) => ({
  ...{ title: "", picture: { ...PICTURE, ...picture }, codes: 0, exact: null, prefix: null, step: 100, sample: 0 },
  ...given,
});
export const FRAME = {
  ...{ layer: "conv", key: "conv", type: "Conv2d", tab: "activations", step: 100, epoch: 1, live: false, sample: 0 },
  ...{
    own: false,
    changed: false,
    panels: [panel({})],
    loss: 0.18,
    loss_before: null,
    before: null,
    code: "session.activations()",
  },
  ...{ predictions: null, error: null, classes: null, tokens: null, dead: 1, attention: null },
};
const STATE = {
  ...{ layer: "conv", sample: 0, unit: null, lens: LENS, outlets: [], parameters: [], ablations: [], pins: [] },
  ...{ against: null, own: null, drawable: null },
};
const SAMPLES = { count: 2, height: 2, width: 2, labels: ["3", "8"] };

const opened: AbortController[] = [];

export async function open(traits: object = {}, frame: object = {}, codes = new Uint8Array(8).fill(3)) {
  const model = new FakeModel({ ...STATE, ...traits });
  const whole = new AbortController();
  opened.push(whole);
  const widget = viewer();
  await (widget.initialize as (given: object) => void)({ model, signal: whole.signal });
  const el = document.body.appendChild(document.createElement("div"));
  await (widget.render as (given: object) => unknown)({ model, el, signal: whole.signal });
  model.push("samples", 1, SAMPLES, [inside(new Uint8Array(24))]);
  model.push("frame", 2, { ...FRAME, ...frame }, [inside(codes)]);
  await settle();
  await settle();
  const find = <E extends HTMLElement>(selector: string) => el.querySelector<E>(selector);
  const button = (text: string) => [...el.querySelectorAll("button")].find((one) => one.textContent?.trim() === text);
  const press = (key: string) =>
    find(".tvw-viewer")?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const asked = (op: string) => model.requests(op).map((request) => request.args);
  return { model, el, find, button, press, asked, text: () => el.textContent ?? "" };
}

/** Gives elements a size, and takes what was opened off the page again. */
export function lookAfterPage(): void {
  beforeEach(() => {
    vi.stubGlobal("devicePixelRatio", 1);
    vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 600, 300));
  });
  afterEach(() => {
    for (const life of opened.splice(0)) life.abort();
    document.body.replaceChildren();
    vi.restoreAllMocks();
  });
}
