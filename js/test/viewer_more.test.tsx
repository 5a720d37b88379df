// The activation viewer: tokens, masks, and what is drawn over the epochs of a changed model.
import { describe, expect, it, vi } from "vitest";
import * as more from "../src/activation_viewer/more/index";
import { LENS } from "../src/activation_viewer/state";
import { inside, settle } from "./fake_model";
import { FRAME, lookAfterPage, open, panel } from "./viewer_page";

vi.mock("../src/shared/part", () => ({ loadPart: async () => more, savePart: () => undefined }));

lookAfterPage();

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
