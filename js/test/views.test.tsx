// Whole widgets on a model without a kernel: what they ask, what they show, what they leave behind.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import viewer from "../src/activation_viewer/index";
import { LENS } from "../src/activation_viewer/state";
import scrubber, { type State as Scrubber } from "../src/epoch_scrubber/index";
import loss from "../src/loss_plot/index";
import map from "../src/model_map/index";
import bar, { type State as Bar } from "../src/training_bar/index";
import sliders from "../src/weight_sliders/index";
import { FakeModel, inside, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=1">&amp;';

const BAR: Bar = {
  ...{ name: EVIL, run_path: EVIL, status: "training", epoch: 7, epochs: 20, step: 1594, progress: 0.34, rate: 5120 },
  ...{ steps_per_second: 80, seconds_left: 42, elapsed: 22, warnings: [EVIL], detail: EVIL },
  ...{
    overhead: 0.004,
    overhead_cap: 0.02,
    savings: EVIL,
    memory: [{ place: EVIL, used: 1, total: 2 }],
    unavailable: {},
  },
};
const SCRUBBER: Scrubber = {
  ...{ steps: [0, 100, 200, 300], epochs: [0, 1, 2, 3], position: null, against: null, playing: false },
  ...{ last_step: 300, total_steps: 2000, steps_per_epoch: 100, marks: [], can_continue: true },
};
const ROW = {
  ...{ type: EVIL, depth: 0, shape: "8", parameters: 3, bytes: 12, frozen: "no", idle: false, kind: "module" },
  ...{ foldable: false, box: false, calls: 1, note: EVIL, tied: [EVIL], weights: [] },
};
const MAP = {
  view: { mode: "tree", by: null, sorted: false, trend: "weights" },
  trends_known: [{ value: "weights", label: EVIL }],
  opened: [],
};
const PICTURE = {
  ...{ kind: "maps", shape: [2, 2, 2], tiles: [2, 2, 2], lo: -1, hi: 1, diverging: true, clipped: 3, nan: 1 },
  ...{ posinf: 0, neginf: 0, mean: 0.2, std: 1, zeros: 0.25, shown: 2, total: 2, dtype: "float32", note: EVIL },
  ...{ order: null, unit_lo: null, unit_hi: null, axes: ["channel", "row", "column"], lead: [2], grid: null },
  ...{ prefix: null, categories: null, text: null },
};
const panel = (picture: object) => ({ title: "", picture, codes: 0, exact: null, prefix: null, step: 100, sample: 0 });
const FRAME = {
  ...{
    layer: EVIL,
    key: "fc",
    type: EVIL,
    tab: "activations",
    step: 100,
    epoch: 1,
    live: false,
    sample: 0,
    own: false,
  },
  ...{ panels: [panel(PICTURE)], loss: 0.18, loss_before: null, before: null, code: EVIL, tokens: null, dead: null },
  ...{ predictions: [{ text: EVIL, correct: false, probability: 0.9 }], error: null, classes: [EVIL, "b"] },
  attention: null,
};
const VIEWER = {
  ...{ layer: "fc", sample: 0, unit: null, lens: LENS, outlets: [], parameters: [], ablations: [], pins: [] },
  ...{ against: null, own: null, drawable: null },
};
const TENSOR = {
  ...{ name: `fc.${EVIL}`, shape: [2, 2], rows: 2, cols: 2, rows_total: 2, cols_total: 2, lo: -1, hi: 1 },
  ...{ dtype: "float32", reach: 1, values: {}, parts: ["channel"], frozen: false, editable: true, note: EVIL },
};
const WEIGHTS = {
  ...{ tensors: [TENSOR], picked: null, undo: 2, redo: 1, edits: 1, step: 3, live: false, error: EVIL },
  probe: { loss_before: 0.184, loss_after: 0.231, changed: 2, count: 8, changes: [`3: ${EVIL} → b`] },
};

type Module = typeof bar | typeof scrubber | typeof map | typeof viewer | typeof sliders | typeof loss;

const opened: AbortController[] = [];

async function open(module: Module, traits: object) {
  const model = new FakeModel({ ...traits });
  const whole = new AbortController();
  opened.push(whole);
  const widget = module();
  await (widget.initialize as (given: object) => void)({ model, signal: whole.signal });
  const el = document.body.appendChild(document.createElement("div"));
  const view = new AbortController();
  await (widget.render as (given: object) => unknown)({ model, el, signal: view.signal });
  await settle();
  const answer = (op: string) => model.reply(model.requests(op).at(-1));
  return { model, el, view, whole, answer, text: () => el.textContent ?? "" };
}

beforeEach(() => void vi.stubGlobal("devicePixelRatio", 1));
afterEach(() => {
  for (const life of opened.splice(0)) life.abort();
  document.body.replaceChildren();
});

describe("names that look like HTML", () => {
  const buffers = [inside(new Uint8Array(8))];
  it.each<[string, Module, object, [string, object, DataView[]][]]>([
    ["training bar", bar, BAR, []],
    ["model map", map, { ...MAP, rows: [{ path: EVIL, name: EVIL, ...ROW }], layer: EVIL }, []],
    [
      ...(["activation viewer", viewer, { ...VIEWER, layer: EVIL }] as const),
      [
        ["samples", { count: 1, height: 0, width: 0, labels: [EVIL] }, []],
        ["frame", FRAME, buffers],
      ],
    ],
    [
      ...(["the viewer's classes", viewer, VIEWER] as const),
      [["frame", { ...FRAME, panels: [panel({ ...PICTURE, kind: "vector", tiles: [1, 1, 2] })] }, buffers]],
    ],
    [
      ...(["the viewer's trouble", viewer, VIEWER] as const),
      [["frame", { ...FRAME, panels: [], error: { reason: EVIL, remedy: EVIL } }, []]],
    ],
    [
      "sliders",
      sliders,
      { layer: EVIL, mode: "preview", can_live: false, reset_optimizer: false },
      [["weights", WEIGHTS, buffers]],
    ],
    [
      ...(["loss plot", loss] as const),
      {
        ...{ groups: [EVIL, "b"], group: EVIL, scale: "linear", axis: "step", smoothing: 0.6 },
        legend: [{ name: EVIL, value: EVIL, colour: "accent", line: 0 }],
        marks: [{ step: 3, kind: "loss", text: EVIL }],
      },
      [],
    ],
  ])("are text in the %s", async (_, module, traits, pushes) => {
    const { model, el, text } = await open(module, traits);
    for (const [i, [topic, value, parts]] of pushes.entries()) model.push(topic, i, value, parts);
    model.refuse(model.requests("hello")[0], EVIL);
    await settle();
    expect(el.querySelector("img")).toBeNull();
    expect(text()).toContain(EVIL);
  });
});

describe("any view", () => {
  it("greets the kernel, is drawn from its traits, follows them, and leaves nothing behind", async () => {
    const { model, el, view, whole, text } = await open(bar, BAR);
    expect(model.requests("hello")[0]?.args).toMatchObject({ visible: true });
    expect(text()).toContain("epoch 7 / 20 · step 1,594");
    model.set({ epoch: 8, step: 1600 });
    await settle();
    expect(text()).toContain("epoch 8 / 20 · step 1,600");
    view.abort();
    expect(el.childNodes.length).toBe(0);
    expect(model.requests("presence").at(-1)?.args.visible).toBeNull();
    whole.abort();
    expect(model.listening()).toBe(0);
  });

  it("shows the kernel's refusal until it is dismissed", async () => {
    const { model, el, text } = await open(bar, BAR);
    model.refuse(model.requests("hello")[0], "no such view");
    await settle();
    expect(text()).toContain("no such view");
    el.querySelector<HTMLButtonElement>('[aria-label="dismiss"]')?.click();
    await settle();
    expect(text()).not.toContain("no such view");
  });
});

describe("EpochScrubber", () => {
  const key = (el: Element | null, name: string) =>
    el?.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));

  it("steps with the arrow keys, shows the move at once, and stays pinned when epochs are added", async () => {
    const { model, el, answer } = await open(scrubber, SCRUBBER);
    const slider = el.querySelector('[role="slider"]');
    expect(slider?.getAttribute("aria-valuenow")).toBe("3");
    key(slider, "ArrowLeft");
    await settle();
    expect(model.requests("move").map((request) => request.args.step)).toEqual([200]);
    expect(slider?.getAttribute("aria-valuetext")).toBe("epoch 2 · 1 behind");
    model.set({ position: 200 });
    answer("move");
    model.set({ steps: [...SCRUBBER.steps, 400], epochs: [...SCRUBBER.epochs, 4] });
    await settle();
    expect(slider?.getAttribute("aria-valuetext")).toBe("epoch 2 · 2 behind");
  });

  it("shows where something went wrong, in words as they are", async () => {
    const { model, el } = await open(scrubber, SCRUBBER);
    expect(el.querySelector(".tvw-timeline-marks title")).toBeNull();
    model.set({ marks: [{ step: 150, kind: "loss", text: EVIL }] });
    await settle();
    expect(el.querySelector(".tvw-timeline-marks title")?.textContent).toBe(EVIL);
  });

  it("goes live at the button", async () => {
    const { model, el } = await open(scrubber, { ...SCRUBBER, position: 100 });
    [...el.querySelectorAll("button")].find((button) => button.textContent === "Live")?.click();
    expect(model.requests("move")[0]?.args.step).toBeNull();
  });
});

describe("LossPlot", () => {
  it("tells what its marks are about", async () => {
    const legend = [{ name: "train/loss", value: "NaN", colour: "accent", line: 0 }];
    const traits = { groups: ["loss"], group: "loss", scale: "linear", axis: "step", smoothing: 0, legend, marks: [] };
    const { model, el, text } = await open(loss, traits);
    expect(text()).not.toContain("mark");
    model.set({ marks: [{ step: 1140, kind: "loss", text: EVIL }] });
    await settle();
    const button = [...el.querySelectorAll("button")].find((each) => each.textContent === "1 mark");
    button?.click();
    await settle();
    expect(button?.getAttribute("aria-expanded")).toBe("true");
    expect(el.querySelector(".tvw-loss-marks")?.textContent).toBe(`${EVIL} at step 1140`);
    expect(el.querySelector('.tvw-hidden[role="status"]')?.textContent).toBe(`${EVIL} at step 1140`);
  });
});

describe("ModelMap", () => {
  const rows = ["", "a", "a.b", "c"].map((path, i) => ({
    ...ROW,
    path,
    name: path,
    type: "Conv2d",
    note: "",
    tied: [],
    depth: [0, 1, 2, 1][i],
    foldable: i < 2,
    box: i < 2,
  }));

  it("selects with the arrow keys and folds with left", async () => {
    const { model, el } = await open(map, { ...MAP, rows, layer: "a" });
    const tree = el.querySelector('[role="tree"]');
    const press = (key: string) => tree?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    press("ArrowDown");
    expect(model.requests("select").map((request) => request.args.layer)).toEqual(["a.b"]);
    model.set({ layer: "a.b" });
    model.reply(model.requests("select")[0]);
    await settle();
    model.set({ layer: "a" });
    await settle();
    press("ArrowLeft");
    await settle();
    expect([...el.querySelectorAll('[role="treeitem"]')].map((item) => item.getAttribute("data-path"))).toEqual([
      "",
      "a",
      "c",
    ]);
  });
});
