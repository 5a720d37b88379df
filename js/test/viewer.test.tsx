// The activation viewer on a model without a kernel: each kind's drawing, and what each control asks for.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KINDS } from "../src/activation_viewer/frame";
import viewer from "../src/activation_viewer/index";
import * as more from "../src/activation_viewer/more/index";
import { LENS } from "../src/activation_viewer/state";
import { FakeModel, inside, settle } from "./fake_model";

vi.mock("../src/shared/part", () => ({ loadPart: async () => more, savePart: () => undefined }));

const PICTURE = {
  ...{ kind: "maps", shape: [2, 2, 2], tiles: [2, 2, 2], lo: -1, hi: 1, diverging: true, clipped: 3, nan: 1 },
  ...{ posinf: 0, neginf: 0, mean: 0.2, std: 1, zeros: 0.25, shown: 2, total: 2, dtype: "float32", note: "a note" },
  ...{ order: null, unit_lo: null, unit_hi: null, axes: ["channel", "row", "column"], lead: [2], grid: null },
  ...{ prefix: null, categories: null, text: null },
};
const panel = (picture: object, given: object = {}) => ({
  ...{ title: "", picture: { ...PICTURE, ...picture }, codes: 0, exact: null, prefix: null, step: 100, sample: 0 },
  ...given,
});
const FRAME = {
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

async function open(traits: object = {}, frame: object = {}, codes = new Uint8Array(8).fill(3)) {
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

beforeEach(() => {
  vi.stubGlobal("devicePixelRatio", 1);
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue(new DOMRect(0, 0, 600, 300));
});
afterEach(() => {
  for (const life of opened.splice(0)) life.abort();
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

describe("every kind", () => {
  const ABOUT: Record<string, object> = {
    text: { tiles: [0, 0, 0], total: 0, text: "words" },
    empty: { tiles: [0, 0, 0], total: 0 },
    vector: { tiles: [1, 1, 8], shape: [8], axes: ["", "", "unit"], total: 8, shown: 8, lead: [] },
    scalar: { tiles: [1, 1, 1], shape: [], axes: ["", "", ""], total: 1, shown: 1, lead: [] },
    labels: { categories: [[3, 8]] },
    image: { tiles: [3, 1, 2] },
    volume: { lead: [2], axes: ["slice", "row", "column"] },
    ...Object.fromEntries(
      ["matrix", "sequence", "boxes"].map((kind) => [
        kind,
        { tiles: [1, 2, 4], axes: ["", "row", "column"], shape: [2, 4], total: 1, shown: 1, lead: [] },
      ]),
    ),
  };
  const DRAWN: Record<string, string> = {
    ...{ maps: "tvw-atlas", volume: "tvw-atlas", labels: "tvw-atlas", tokens: "tvw-atlas", image: "tvw-image" },
    ...{ vector: "tvw-bars", scalar: "tvw-scalar", matrix: "tvw-atlas", sequence: "tvw-atlas", boxes: "tvw-boxes" },
    attention: "tvw-head",
  };
  it.each(KINDS.map((kind) => [kind]))("has a drawing for %s", async (kind) => {
    const { find, text } = await open({}, { panels: [panel({ kind, ...ABOUT[kind] })] });
    if (kind === "text") return expect(text()).toContain("words");
    if (kind === "empty") return expect(text()).toContain("Nothing to show.");
    expect(find(`[data-testid="${DRAWN[kind]}"]`)).not.toBeNull();
    expect(text().includes("a note")).toBe(kind !== "boxes");
    if (kind === "volume") expect(find<HTMLInputElement>(".tvw-slices input")?.max).toBe("1");
  });

  it("has bars for one unit over time", async () => {
    const picture = { kind: "sequence", tiles: [1, 8, 1], axes: ["", "time step", "unit"], total: 1, shown: 1 };
    const { find } = await open({}, { panels: [panel(picture)] });
    expect(find('[data-testid="tvw-bars"]')?.getAttribute("aria-valuemax")).toBe("7");
  });

  it("draws boxes where their coordinates say, and lists them", async () => {
    const picture = {
      ...ABOUT.boxes,
      kind: "boxes",
      tiles: [1, 1, 4],
      lo: 0,
      hi: 250,
      axes: ["", "box", "coordinate"],
    };
    const { find, el } = await open({}, { panels: [panel(picture)] }, Uint8Array.of(10, 20, 60, 90));
    const box = find('[data-testid="tvw-boxes"] rect');
    expect(["x", "y", "width", "height"].map((name) => box?.getAttribute(name))).toEqual(["10", "20", "50", "70"]);
    expect([...el.querySelectorAll("td")].map((cell) => cell.textContent)).toEqual([
      "10.00",
      "20.00",
      "60.00",
      "90.00",
    ]);
  });

  it("names the classes of logits with their shares, largest first, and holds for a thousand", async () => {
    const classes = Array.from({ length: 1000 }, (_, i) => `class ${i}`);
    const picture = { ...ABOUT.vector, kind: "vector", tiles: [1, 1, 1000], shape: [1000], lo: -5, hi: 5 };
    const codes = new Uint8Array(1000).fill(125);
    codes[417] = 250;
    const { el } = await open({}, { panels: [panel(picture)], classes }, codes);
    const rows = [...el.querySelectorAll(".tvw-class")];
    expect(rows.length).toBe(10);
    expect(rows[0]?.querySelector(".tvw-class-name")?.textContent).toBe("class 417");
    const share = (100 * Math.exp(5)) / (Math.exp(5) + 999);
    expect(rows[0]?.textContent).toContain(`${share.toFixed(1)} %`);
  });
});

describe("the lens", () => {
  it("asks with one change, and with all while an answer is on its way", async () => {
    const { model, button, asked } = await open();
    button("Weights")?.click();
    button("layer")?.click();
    expect(asked("look")).toEqual([{ changes: { tab: "weights" } }]);
    model.set({ lens: { ...LENS, tab: "weights" } });
    model.reply(model.requests("look")[0]);
    await settle();
    expect(asked("look")[1]).toEqual({ changes: { tab: "weights", scope: "layer" } });
  });

  it("shows what was chosen at once, and falls back where the kernel refuses", async () => {
    const { model, button, find } = await open();
    button("Gradients")?.click();
    await settle();
    expect(find('[role="tab"][aria-selected="true"]')?.textContent).toBe("Gradients");
    expect(find('[role="tabpanel"]')?.dataset.pending).toBe("true");
    model.refuse(model.requests("look")[0], "no gradient");
    await settle();
    expect(find('[role="tab"][aria-selected="true"]')?.textContent).toBe("Activations");
  });

  it("is reached by keys: tabs, order, options", async () => {
    const { press, asked, find } = await open();
    press("2");
    press("o");
    await settle();
    expect(asked("look")).toEqual([{ changes: { tab: "weights" } }]);
    expect(find('[aria-label="options"][role="group"]')?.textContent).toContain("hide dead units (1)");
  });
});

describe("units", () => {
  it("are switched off and on again, and crossed out in the atlas", async () => {
    const { model, button, asked, find, text } = await open();
    button("Ablate")?.click();
    expect(asked("ablate")).toEqual([{ unit: 0, method: "zero" }]);
    model.set({ ablations: [{ key: "conv", unit: 1, axis: "channel", method: "mean" }], unit: 1 });
    model.reply(model.requests("ablate")[0]);
    await settle();
    expect(find(".tvw-marks .tvw-off")).not.toBeNull();
    expect(text()).toContain("conv channel 1 (mean)");
    button("Ablate")?.click();
    button("Reset")?.click();
    expect(asked("ablate")[1]).toEqual({ unit: 1, method: null });
  });

  it("are pinned, and drawn over the epochs with the place of the playhead", async () => {
    const pins = [{ key: "conv", unit: 0, label: "conv channel 0" }];
    const { model, press, asked, find, el } = await open({ pins });
    press("p");
    expect(asked("pin")).toEqual([{ unit: 0, on: false }]);
    const values = Float32Array.of(0, 1, 2, -1, 0, 1, 1, 2, 3);
    model.push("pins", 3, { pins, steps: [0, 100, 200], epochs: [0, 1, 2], done: true }, [inside(values)]);
    await settle();
    expect(find(".tvw-pin .tvw-here")?.getAttribute("d")).toBe("M105,0V34");
    expect(find(".tvw-pin-value")?.textContent).toBe("1.00");
    el.querySelector<HTMLButtonElement>('[aria-label="unpin conv channel 0"]')?.click();
    await settle();
    expect(model.requests("pin").length).toBe(1); // the first is not answered yet: one at a time
  });

  it("show what the model answers without them", async () => {
    const one = { text: "3", correct: true, probability: 0.9 };
    const frame = {
      ...{ loss: 0.4, loss_before: 0.18, before: [one, one] },
      predictions: [
        { text: "8", correct: false, probability: 0.6 },
        { text: "3", correct: true, probability: 0.5 },
      ],
    };
    const ablations = [{ key: "conv", unit: 1, axis: "channel", method: "zero" }];
    const { el, text } = await open({ ablations }, frame);
    const said = [...el.querySelectorAll(".tvw-thumb small")].map((small) => small.textContent);
    expect(said).toEqual(["was 3", "90→50 %"]);
    expect(text()).toContain("probe loss 0.180 → 0.400");
    expect(text()).toContain("1 of 2 predictions change");
  });
});

describe("tokens", () => {
  const offer = { ablations: [{ key: "conv", unit: 1, axis: "token", method: "zero" }] };

  it("are chosen by a click, and switched off", async () => {
    const picture = { kind: "tokens", tiles: [1, 4, 2], shape: [4, 2], axes: ["", "token", "feature"], total: 1 };
    const tokens = { rows: ["a", "dog", "ran", "."], columns: [] };
    const { model, find, button, asked, text } = await open({}, { panels: [panel(picture)], tokens });
    const canvas = find('[data-testid="tvw-atlas"]');
    const at = { clientX: 100, clientY: 100, bubbles: true }; // the second of four rows in 300 px
    canvas?.dispatchEvent(new PointerEvent("pointermove", at));
    await settle();
    canvas?.dispatchEvent(new MouseEvent("click", at));
    await settle();
    expect(find('[data-testid="tvw-token-tools"]')?.textContent).toContain("token 1 “dog”");
    button("Ablate token")?.click();
    expect(asked("ablate")).toEqual([{ unit: 1, method: "zero", axis: "token" }]);
    model.set(offer);
    model.reply(model.requests("ablate")[0]);
    await settle();
    expect(text()).toContain("conv token 1");
    button("Ablate token")?.click();
    expect(asked("ablate")[1]).toEqual({ unit: 1, method: null, axis: "token" });
  });

  it("of an image are its patches, after those that are none", async () => {
    const picture = { kind: "tokens", tiles: [3, 2, 2], shape: [5, 3], axes: ["feature", "row", "column"], lead: [3] };
    const about = { panels: [panel({ ...picture, grid: [2, 2], total: 3, shown: 3 })] };
    const { find, el } = await open(offer, about, new Uint8Array(12));
    const unit = find('[data-testid="tvw-unit"]');
    unit?.dispatchEvent(new PointerEvent("pointermove", { clientX: 10, clientY: 290, bubbles: true }));
    await settle();
    expect(find('[data-testid="tvw-token-tools"]')?.textContent).toContain("token 3");
    expect(el.querySelector(".tvw-marks")).toBeNull(); // token 1 is off, not feature 1
  });
});

describe("what is drawn over the epochs", () => {
  const pins = [{ key: "conv", unit: 0, label: "conv channel 0" }];
  const NOTE = "as recorded, without ablation or preview";

  it.each([
    [true, NOTE],
    [false, ""],
  ])("says that a changed model is not what it shows", async (changed, said) => {
    const { model, el } = await open({ pins }, { changed });
    const about = { pins, steps: [0], epochs: [0], done: true };
    model.push("pins", 3, about, [inside(Float32Array.of(0, 0, 0))]);
    await settle();
    expect(el.querySelector(".tvw-pins .tvw-as-recorded")?.textContent ?? "").toBe(said);
    model.set({ lens: { ...LENS, tab: "distribution" } });
    await settle();
    expect(el.querySelector(".tvw-distribution .tvw-as-recorded")?.textContent).toBe(said);
  });
});

describe("a mask's labels", () => {
  it("are read by the names of their classes, where they are classes", async () => {
    const picture = { kind: "labels", tiles: [1, 2, 2], lead: [], axes: ["mask", "row", "column"], total: 1, shown: 1 };
    const about = { panels: [panel({ ...picture, categories: [[1, 3]] })], classes: ["sky", "dog"] };
    const { find, model, text } = await open({}, about, Uint8Array.of(1, 1, 1, 1));
    const canvas = find('[data-testid="tvw-unit"]');
    canvas?.dispatchEvent(new PointerEvent("pointermove", { clientX: 500, clientY: 100, bubbles: true }));
    await settle();
    expect(find(".tvw-unit-value")?.textContent).toBe("(0, 1) = 1 dog");
    model.push("frame", 3, { ...FRAME, ...about, classes: null }, [inside(Uint8Array.of(1, 1, 1, 1))]);
    await settle();
    expect(find(".tvw-unit-value")?.textContent).toBe("(0, 1) = 1");
    expect(text()).not.toContain("dog");
  });
});

describe("comparing", () => {
  it("starts and ends with a shift-click on a sample", async () => {
    const { model, el, asked } = await open();
    const thumb = () => el.querySelectorAll<HTMLElement>(".tvw-thumb")[1];
    const click = () => thumb()?.dispatchEvent(new MouseEvent("click", { shiftKey: true, bubbles: true }));
    click();
    expect(asked("compare")).toEqual([{ step: null, sample: 1 }]);
    model.reply(model.requests("compare")[0]);
    model.set({ against: { step: null, sample: 1, label: "sample 1" } });
    await settle();
    expect(thumb()?.dataset.against).toBe("true");
    click();
    expect(asked("compare")[1]).toEqual({ step: null, sample: null });
  });

  it("puts two panels side by side, each with its buffer", async () => {
    const panels = [panel({}, { title: "sample 0" }), panel({}, { title: "sample 1", codes: 1, sample: 1 })];
    const { el } = await open({ against: { step: null, sample: 1, label: "sample 1" } }, { panels });
    const atlases = [...el.querySelectorAll<HTMLElement>('[data-testid="tvw-atlas"]')];
    expect(atlases.map((one) => [one.dataset.panel, one.dataset.sample])).toEqual([
      ["0", "0"],
      ["1", "1"],
    ]);
    expect([...el.querySelectorAll("h4")].map((title) => title.textContent)).toEqual(["sample 0", "sample 1"]);
  });
});

describe("own inputs", () => {
  it("are one more thumbnail, chosen by a click, and forgotten", async () => {
    const own = { label: "cat.png", note: "cropped", height: 2, width: 2, channels: 3 };
    const { model, el, asked, find } = await open({ own });
    const thumbs = el.querySelectorAll<HTMLElement>(".tvw-thumb");
    expect(thumbs.length).toBe(3);
    thumbs[2]?.click();
    expect(asked("look")).toEqual([{ changes: { input: "own" } }]);
    model.set({ lens: { ...LENS, input: "own" } });
    model.reply(model.requests("look")[0]);
    await settle();
    expect(thumbs[2]?.getAttribute("aria-checked")).toBe("true");
    find('[title="forget your input"]')?.click();
    expect(asked("forget_input")).toEqual([{}]);
  });

  it("come from a drawing pad where the input can be drawn", async () => {
    const { find, el, asked, model } = await open({ drawable: { height: 8, width: 8 } });
    find('[title^="draw the input"]')?.click();
    await settle();
    const pad = el.querySelector('[data-testid="tvw-pad"]');
    const event = new PointerEvent("pointerdown", { clientX: 300, clientY: 150, bubbles: true, buttons: 1 });
    pad?.dispatchEvent(event);
    await vi.waitFor(() => expect(asked("draw")).toEqual([{ height: 8, width: 8 }]));
    const ink = new Uint8Array(model.bytes[0] ?? new ArrayBuffer(0));
    expect(ink.length).toBe(64);
    expect(ink[4 * 8 + 4]).toBeGreaterThan(100);
    expect(ink[0]).toBe(0);
  });

  it("offer no pad where they cannot be drawn", async () => {
    expect((await open()).find('[title^="draw the input"]')).toBeNull();
  });
});
