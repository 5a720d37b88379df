// The weight sliders on a model without a kernel: what they ask for, and what they show of what is pushed.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import sliders from "../src/weight_sliders/index";
import { typedNumber, type UnitRow } from "../src/weight_sliders/weights";
import { FakeModel, inside, settle } from "./fake_model";

const TENSOR = {
  ...{ name: "conv.weight", shape: [4, 2], dtype: "float32", rows: 4, cols: 2, rows_total: 4, cols_total: 2 },
  ...{ lo: -1, hi: 1, reach: 1, values: {}, parts: ["channel"], frozen: false, editable: true, note: null },
};
const PROBE = { loss_before: 0.184, loss_after: 0.231, changed: 2, count: 8, changes: ["3: a → b"] };
const WEIGHTS = {
  ...{ tensors: [TENSOR], picked: null, undo: 2, redo: 1, edits: 1, probe: PROBE, step: 3, live: false, error: null },
};
const STATE = { layer: "conv", mode: "preview", can_live: true, reset_optimizer: false };

const opened: AbortController[] = [];

async function open(traits: object = {}, weights: object = {}) {
  const model = new FakeModel({ ...STATE, ...traits });
  const whole = new AbortController();
  opened.push(whole);
  const widget = sliders();
  await (widget.initialize as (given: object) => void)({ model, signal: whole.signal });
  const el = document.body.appendChild(document.createElement("div"));
  await (widget.render as (given: object) => unknown)({ model, el, signal: whole.signal });
  model.push("weights", 1, { ...WEIGHTS, ...weights }, [inside(new Uint8Array(8))]);
  await settle();
  const find = <E extends Element = HTMLElement>(selector: string) => {
    const found = el.querySelector<E>(selector);
    if (!found) throw new Error(`no ${selector} in ${el.innerHTML}`);
    return found;
  };
  const button = (text: string) => {
    const found = [...el.querySelectorAll("button")].find((each) => each.textContent === text);
    if (!found) throw new Error(`no button ${text}`);
    return found;
  };
  const asked = (op: string) => model.requests(op).map((request) => request.args);
  const answer = async (op: string, value = {}) => {
    model.reply(model.requests(op).at(-1), value);
    await settle();
  };
  return { model, el, find, button, asked, answer, text: () => el.textContent ?? "" };
}

function change(input: HTMLInputElement, value: string) {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

const key = (el: Element, name: string, more = {}) =>
  el.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...more }));

beforeEach(() => void vi.stubGlobal("devicePixelRatio", 1));
afterEach(() => {
  for (const life of opened.splice(0)) life.abort();
  document.body.replaceChildren();
});

describe("what is always on show", () => {
  it("says what edits make of the probe, and offers undo, redo and reset", async () => {
    const { text, button, asked } = await open();
    expect(text()).toContain("probe loss 0.184 → 0.231");
    expect(text()).toContain("2 of 8 predictions change");
    button("Undo 2").click();
    expect(asked("undo")).toHaveLength(1);
    expect(button("Reset").disabled).toBe(false);
  });

  it("keeps the keys when the last undo disables the button that was pressed", async () => {
    const { button, find, asked, answer } = await open({}, { undo: 1, redo: 1 });
    button("Undo 1").focus();
    button("Undo 1").click();
    await answer("undo");
    expect(document.activeElement).toBe(find(".tvw-sliders"));
    key(find(".tvw-sliders"), "r");
    expect(asked("redo")).toHaveLength(1);
  });

  it("does not go live where there is nothing to change", async () => {
    const { button, asked } = await open({ can_live: false });
    const live = button("Live");
    expect(live.getAttribute("aria-disabled")).toBe("true");
    expect(live.title).toContain("recorded run");
    live.click();
    expect(asked("mode")).toEqual([]);
  });

  it("offers to reset the optimizer's state where the model itself is changed", async () => {
    const { find, el, asked, model } = await open();
    expect(el.querySelector(".tvw-forget")).toBeNull();
    model.set({ mode: "live" });
    await settle();
    expect(find(".tvw-sliders").dataset.mode).toBe("live");
    find<HTMLInputElement>(".tvw-forget input").click();
    expect(asked("reset_optimizer")).toEqual([{ reset_optimizer: true }]);
  });
});

describe("a slider", () => {
  it("sends the steps of a drag and its end", async () => {
    const { find, asked, answer } = await open();
    change(find('input[type="range"]'), "1.5");
    await answer("edit");
    const edit = { change: "gain", tensor: "conv.weight", value: 1.5 };
    expect(asked("edit")).toEqual([
      { ...edit, done: false },
      { ...edit, done: true },
    ]);
  });

  it("takes what is typed when Enter is pressed, and steps with the arrows", async () => {
    const { find, asked, answer } = await open();
    const field = find<HTMLInputElement>(".tvw-typed");
    field.value = "0.25";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    key(field, "Enter");
    await answer("edit");
    key(field, "ArrowUp", { shiftKey: true });
    await settle();
    expect(asked("edit").map((args) => args.value)).toEqual([0.25, expect.closeTo(0.35, 6)]);
  });

  it("says what is no number and sends nothing", async () => {
    const { find, asked } = await open();
    const field = find<HTMLInputElement>(".tvw-typed");
    field.value = "NaN";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    key(field, "Enter");
    await settle();
    expect(field.getAttribute("aria-invalid")).toBe("true");
    expect(field.title).toBe("NaN is no finite number");
    expect(asked("edit")).toEqual([]);
  });

  it.each([
    ["−0.5", -0.5],
    ["20 %", 20],
    ["1e-3", 1e-3],
    ["", Number.NaN],
    ["two", Number.NaN],
  ])("reads %s", (text, value) => expect(typedNumber(text)).toBe(value));
});

describe("a heat map", () => {
  const picked = { tensor: "conv.weight", index: [1, 0], value: 0.5, lo: -2, hi: 2, row: 1, col: 0 };

  it("lets the value that was clicked be dragged", async () => {
    const { find, asked, answer } = await open({}, { picked });
    const map = find(".tvw-heat");
    const at = (type: string, x: number) =>
      map.dispatchEvent(new MouseEvent(type, { clientX: x, button: 0, bubbles: true }));
    at("pointerdown", 10);
    at("pointermove", 90);
    expect(asked("edit")).toEqual([]); // the kernel has not said yet which value it is
    await answer("pick");
    at("pointermove", 90);
    await answer("edit");
    at("pointerup", 90);
    await settle();
    const edit = { change: "set", tensor: "conv.weight", index: [1, 0], value: 0.5 + (80 / 160) * 2 };
    expect(asked("edit")).toEqual([
      { ...edit, done: false },
      { ...edit, done: true },
    ]);
  });

  it("moves the choice with arrows and the value with + and −", async () => {
    const { find, asked, answer } = await open({}, { picked });
    key(find(".tvw-heat"), "ArrowRight");
    await answer("pick");
    key(find(".tvw-heat"), "-");
    await settle();
    expect(asked("pick")).toEqual([{ tensor: "conv.weight", row: 1, col: 1 }]);
    expect(asked("edit")[0]?.value).toBeCloseTo(0.48);
  });
});

describe("an opened tensor", () => {
  const row = (unit: number, more: Partial<UnitRow> = {}): UnitRow => ({
    ...{ unit, name: "", index: [unit], gain: 1, share: 0.5, off: false },
    ...more,
  });
  const units = (first: number, found = 4096) => ({
    ...{ tensor: "conv.weight", by: "channel", query: "", order: "number", count: 4096, found, first },
    rows: Array.from({ length: 60 }, (_, i) => row(first + i)),
  });

  async function opened() {
    const view = await open();
    view.find(".tvw-fold").click();
    await settle();
    await view.answer("units");
    view.model.push("units", 2, units(0));
    await settle();
    return view;
  }

  it("offers every operation; freezing only live", async () => {
    const { find, asked, answer, text, button } = await opened();
    for (const name of ["shift", "noise × σ", "prune", "clamp from", "clamp to"]) expect(text()).toContain(name);
    change(find('input[aria-label="conv.weight · clamp to"]'), "0.5");
    expect(asked("edit")[0]?.value).toEqual([-1, 0.5]);
    await answer("edit");
    await answer("edit");
    change(find('input[aria-label="conv.weight · clamp from"]'), "-0.25");
    expect(asked("edit").at(-1)?.value).toEqual([-0.25, 1]);
    expect(button("Freeze").disabled).toBe(true);
  });

  it("draws of 4,096 channels those on screen, and asks for others when it is scrolled", async () => {
    const { el, find, asked, text, model, answer } = await opened();
    expect(text()).toContain("4,096 channels");
    const lines = () =>
      [...el.querySelectorAll<HTMLElement>(".tvw-unit-line")].map((line) => Number(line.dataset.unit));
    expect(lines()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const rows = find(".tvw-units-rows");
    expect((rows.firstElementChild as HTMLElement).style.height).toBe(`${4096 * 24}px`);
    rows.scrollTop = 1000 * 24;
    rows.dispatchEvent(new Event("scroll"));
    await settle();
    expect(asked("units").at(-1)).toMatchObject({ tensor: "conv.weight", first: 990, query: "" });
    model.push("units", 3, units(990));
    await settle();
    expect(lines()).toEqual([998, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008]);
    change(find('[aria-label="order"]'), "largest");
    await answer("units");
    expect(rows.scrollTop).toBe(0);
    expect(asked("units").at(-1)).toMatchObject({ first: 0, order: "largest" });
  });

  it("finds channels, switches one off, and tells the kernel when it is closed", async () => {
    const { find, asked, answer } = await opened();
    find(".tvw-unit-line[data-unit='3'] button").click();
    await answer("off");
    expect(asked("off")).toEqual([{ tensor: "conv.weight", index: [3], off: true }]);
    const field = find<HTMLInputElement>('[aria-label="find a channel"]');
    field.value = "12";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
    expect(asked("units").at(-1)).toMatchObject({ query: "12", first: 0 });
    await answer("units");
    find(".tvw-fold").click();
    await settle();
    expect(asked("units").at(-1)).toEqual({ tensor: null });
  });
});

describe("the other tabs", () => {
  it("draws the loss on the way to a snapshot as far as it is known, and blends", async () => {
    const { find, button, asked, answer, model, text } = await open();
    button("Blend").click();
    await settle();
    expect(asked("blend")).toEqual([{ tensor: "" }]);
    await answer("blend");
    const choices = [
      { step: 0, text: "epoch 0" },
      { step: 9, text: "epoch 1" },
    ];
    const points = [
      [0, 0.2],
      [0.5, null],
      [1, 2.3],
    ];
    model.push("blend", 2, { tensor: "", toward: 0, value: 0.25, choices, points, trouble: null });
    await settle();
    expect(find("polyline").getAttribute("points")).toBe("0.0,68.0 300.0,4.0");
    expect(find(".tvw-way-here").getAttribute("x1")).toBe("75");
    expect(text()).toContain("epoch 0");
    change(find('input[aria-label="blend"]'), "0.5");
    expect(asked("blended")).toEqual([{ value: 0.5, done: false }]);
  });

  it("lists the edits, drops one, copies them as code and makes them live", async () => {
    const { find, button, asked, answer, model, text } = await open();
    const write = vi.fn(async (_text: string) => undefined);
    vi.stubGlobal("navigator", { ...navigator, clipboard: { writeText: write } });
    button("Edits 1").click();
    await settle();
    expect(asked("listing")).toEqual([{ on: true }]);
    await answer("listing");
    const row = { text: "conv.weight × 0.5", where: "", undone: false, change: "gain", tensor: "conv.weight" };
    model.push("edits", 2, { rows: [{ ...row, index: null }], live: false });
    await settle();
    find(".tvw-edits button").click();
    await answer("drop");
    expect(asked("drop")).toEqual([{ change: "gain", tensor: "conv.weight", index: null }]);
    button("Copy as code").click();
    await answer("code", { text: "w *= 0.5" });
    expect(write).toHaveBeenCalledWith("w *= 0.5");
    expect(text()).toContain("copied");
    button("Make live").click();
    expect(asked("make_live")).toHaveLength(1);
  });

  it("finds a tensor anywhere in the model and opens it", async () => {
    const { find, asked, answer, el } = await open();
    const field = find<HTMLInputElement>('[aria-label="find a tensor"]');
    field.value = "conv w";
    field.dispatchEvent(new Event("input", { bubbles: true }));
    await answer("find", { found: [{ name: "conv.weight", shape: [4, 2] }], count: 1 });
    key(field, "Enter");
    await answer("show");
    expect(asked("find")[0]).toEqual({ text: "conv w" });
    expect(asked("show")).toEqual([{ tensor: "conv.weight" }]);
    expect(el.querySelector(".tvw-tools")).not.toBeNull();
  });
});
