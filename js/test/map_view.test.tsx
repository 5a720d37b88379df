// The map on a model without a kernel: what it asks, shows, and leaves out.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import map from "../src/model_map/index";
import * as more from "../src/model_map/more/index";
import { FakeModel, inside, settle } from "./fake_model";
import { closed, residual, row } from "./map_nets";

vi.mock("../src/shared/part", () => ({ loadPart: async () => more, savePart: () => undefined }));

const ROWS = [
  row("", 0, { name: "Net", type: "Net", foldable: true, box: true }),
  row("block", 1, { type: "Block", foldable: true, box: true, weights: [] }),
  row("block.a", 2, { weights: [{ name: "weight", shape: [4, 1, 3, 3], dtype: "float32", trainable: false }] }),
  row("block.b", 2, { parameters: 9, frozen: "all" }),
  row("block/add", 2, { type: "add", kind: "function", parameters: 0 }),
  row("out", 1, { type: "Linear", parameters: 99 }),
];
const STATE = {
  rows: ROWS,
  layer: "block.a",
  view: { mode: "tree", by: null, sorted: false, trend: "weights" },
  trends_known: [{ value: "weights", label: "weight norm" }],
  opened: ["block"],
};
const lives: AbortController[] = [];

async function open(changes: object = {}) {
  const model = new FakeModel({ ...STATE, ...changes });
  const life = new AbortController();
  lives.push(life);
  const widget = map();
  await (widget.initialize as (given: object) => void)({ model, signal: life.signal });
  const el = document.body.appendChild(document.createElement("div"));
  await (widget.render as (given: object) => unknown)({ model, el, signal: life.signal });
  await settle();
  const press = (role: string, key: string, init = {}) =>
    el.querySelector(`[role="${role}"]`)?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...init }));
  const paths = () => [...el.querySelectorAll(".tvw-row")].map((item) => item.getAttribute("data-path"));
  const asked = (op: string) => model.requests(op).map(({ args }) => args);
  const type = async (text: string) => {
    const field = el.querySelector("input");
    if (field) field.value = text;
    field?.dispatchEvent(new Event("input", { bubbles: true }));
    await settle();
  };
  return { model, el, press, paths, asked, type };
}

beforeEach(() => {
  vi.stubGlobal("devicePixelRatio", 1);
  const size = { x: 0, y: 0, left: 0, top: 0, right: 400, bottom: 400, width: 400, height: 400 };
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue({ ...size, toJSON: () => size });
});
afterEach(() => {
  for (const life of lives.splice(0)) life.abort();
  document.body.replaceChildren();
  vi.restoreAllMocks();
});

describe("the tree", () => {
  it("unfolds what a search finds, marks it, and folds it again", async () => {
    const { el, press, paths, type } = await open({ layer: "out" });
    press("tree", "Home");
    const fold = el.querySelector<HTMLElement>('[data-path="block"] .tvw-row-fold');
    fold?.click();
    await settle();
    expect(paths()).toEqual(["", "block", "out"]);
    await type("add");
    expect(paths()).toContain("block/add");
    expect([...el.querySelectorAll("mark")].map((mark) => mark.textContent)).toEqual(["add"]);
    expect(el.querySelector(".tvw-found")?.textContent).toBe("1");
    await type("");
    expect(paths()).toEqual(["", "block", "out"]);
  });

  it("goes from match to match with Enter", async () => {
    const { el, asked, type } = await open({ layer: "out" });
    await type("conv2d");
    el.querySelector("input")?.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    await settle();
    expect(asked("select")).toEqual([{ layer: "block.a" }]);
    expect(el.querySelector(".tvw-found")?.textContent).toBe("1/2");
  });

  it("goes to names by their letters, and to the search box by /", async () => {
    const { el, press, asked } = await open();
    press("tree", "o");
    expect(asked("select")).toEqual([{ layer: "out" }]);
    press("tree", "/");
    expect(document.activeElement).toBe(el.querySelector("input"));
  });

  it("lists the selected layer's tensors", async () => {
    const { el } = await open();
    el.querySelector<HTMLElement>(".tvw-details button")?.click();
    await settle();
    expect(el.querySelector(".tvw-tensors")?.textContent).toBe("weight4×1×3×3float32frozen");
  });

  it("sorts by a measure and tells its scale", async () => {
    const { model, el, paths } = await open({ view: { ...STATE.view, by: "parameters", sorted: true } });
    const values = inside(new Float32Array([3000, 200, 9, 100, 99]));
    const about = { by: "parameters", unit: "", lo: 9, hi: 100 };
    model.push("measure", 1, { ...about, paths: ["", "block", "block.b", "block.a", "out"] }, [values]);
    await settle();
    expect(paths()).toEqual(["", "block", "block.a", "block.b", "block/add", "out"]);
    expect(el.querySelector(".tvw-map-legend")?.textContent).toBe("parameters0100 +");
    expect(el.querySelector('[data-path="block.b"] .tvw-row-measure')?.getAttribute("style")).toContain("0.09");
  });

  it("saves the rows on show as a file that needs no stylesheet", async () => {
    const files: Blob[] = [];
    vi.spyOn(URL, "createObjectURL").mockImplementation((file) => `blob:${files.push(file as Blob)}`);
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
    const { el } = await open();
    el.querySelector<HTMLElement>('[aria-label="options"]')?.click();
    await settle();
    [...el.querySelectorAll("button")].find((button) => button.textContent === "SVG")?.click();
    const text = (await files[0]?.text()) ?? "";
    const file = new DOMParser().parseFromString(text, "image/svg+xml");
    const words = [...file.querySelectorAll("g text:first-child")].map((each) => each.textContent);
    expect(words).toEqual(["▾ Net", "▾ block Block", "a Conv2d", "b Conv2d", "add ƒ", "out Linear"]);
    expect(file.querySelectorAll("[class], [style]").length).toBe(0);
  });

  it("asks for what was chosen", async () => {
    const { el, asked } = await open();
    el.querySelector<HTMLElement>('[aria-label="options"]')?.click();
    await settle();
    const by = el.querySelector<HTMLSelectElement>('select[aria-label="colour by"]');
    if (by) by.value = "macs";
    by?.dispatchEvent(new Event("change", { bubbles: true }));
    expect(asked("view")).toEqual([{ changes: { by: "macs" } }]);
  });
});

describe("the graph", () => {
  const graph = async (drawn: object = residual(), changes = {}) => {
    const opened = await open({ view: { ...STATE.view, mode: "graph" }, ...changes });
    opened.model.push("graph", 1, { ...drawn, error: null });
    await settle();
    await settle();
    const find = (key: string) => opened.el.querySelector<SVGElement>(`.tvw-node[data-key="${key}"]`);
    return { ...opened, find };
  };

  it("draws the boxes and edges, and marks the selected layer", async () => {
    const { el, find } = await graph();
    expect(el.querySelectorAll(".tvw-node").length).toBe(6);
    expect(el.querySelectorAll(".tvw-edge").length).toBe(5);
    expect(el.querySelectorAll('.tvw-edge[data-skip="true"]').length).toBe(1);
    expect(find("block.a")?.getAttribute("aria-selected")).toBe("true");
    expect(find("block")?.getAttribute("aria-expanded")).toBe("true");
  });

  it("shows the closed box that holds the selected layer", async () => {
    const { find } = await graph(closed());
    expect(find("block")?.getAttribute("data-state")).toBe("around");
  });

  it("selects with a click, opens with a double click and closes with Enter", async () => {
    const { model, asked, find, press } = await graph(closed());
    find("out")?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    expect(asked("select")).toEqual([{ layer: "out" }]);
    find("block")?.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
    expect(asked("open")).toEqual([{ keys: ["block"], open: true }]);
    model.reply(model.requests("open")[0]);
    model.push("graph", 2, { ...residual(), error: null });
    model.reply(model.requests("select")[0]);
    await settle();
    model.set({ layer: "block" });
    await settle();
    press("tree", "Enter");
    await settle();
    expect(asked("open").at(-1)).toEqual({ keys: ["block"], open: false });
  });

  it("opens every box that there is, and none that only holds others", async () => {
    const list = row("list", 1, { foldable: true, calls: 0 });
    const { el, asked } = await graph(closed(), { rows: [...ROWS, list], opened: [] });
    el.querySelector<HTMLElement>('[aria-label="options"]')?.click();
    await settle();
    [...el.querySelectorAll("button")].find((button) => button.textContent === "Open all")?.click();
    expect(asked("open")).toEqual([{ keys: ["block"], open: true }]);
  });

  it("says what ended the pass, and draws what came before", async () => {
    const { model, el } = await graph();
    model.push("graph", 2, { ...residual(), error: "RuntimeError: <b>shapes</b>" });
    await settle();
    expect(el.querySelector(".tvw-graph-error")?.textContent).toBe("RuntimeError: <b>shapes</b>");
    expect(el.querySelectorAll(".tvw-node").length).toBe(6);
  });
});
