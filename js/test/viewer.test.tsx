// The activation viewer on a model without a kernel: each kind's drawing, and what each control asks for.
import { describe, expect, it, vi } from "vitest";
import { KINDS } from "../src/activation_viewer/frame";
import * as more from "../src/activation_viewer/more/index";
import { LENS } from "../src/activation_viewer/state";
import { inside, settle } from "./fake_model";
import { lookAfterPage, open, panel } from "./viewer_page";

vi.mock("../src/shared/part", () => ({ loadPart: async () => more, savePart: () => undefined }));

lookAfterPage();

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
