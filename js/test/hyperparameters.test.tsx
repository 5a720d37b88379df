// The hyperparameters' sliders: how they are divided, what they ask, what they show of names that others chose.
import { afterEach, describe, expect, it } from "vitest";
import sliders, { type State } from "../src/hyperparameter_sliders/index";
import { division, ofFolded, plain, type Row, sections, typed } from "../src/hyperparameter_sliders/rows";
import { FakeModel, settle } from "./fake_model";

const EVIL = '<img src=x onerror="window.broken=1">&amp;';

function row(changes: Partial<Row> = {}): Row {
  return {
    ...{ name: "lr", label: "lr", section: "SGD", about: "6 tensors", scale: "log", value: 0.1, lo: 1e-4, hi: 10 },
    ...{ first: 0.1, held: false, wished: null, remark: "", scheduler: "", main: true },
    ...changes,
  };
}

const EPS = row({ name: "eps", label: "eps", value: 1e-8, lo: 1e-11, hi: 1e-6, main: false });
const NESTEROV = row({ name: "nesterov", label: "nesterov", scale: "switch", value: false, main: false });
const STATE: State = { rows: [row(), EPS, NESTEROV], changes: [], undoable: 0, why_empty: "", folded: false };

const opened: AbortController[] = [];

async function open(changes: Partial<State> = {}) {
  const model = new FakeModel({ ...STATE, ...changes });
  const life = new AbortController();
  opened.push(life);
  const widget = sliders();
  await (widget.initialize as (given: object) => void)({ model, signal: life.signal });
  const el = document.body.appendChild(document.createElement("div"));
  await (widget.render as (given: object) => unknown)({ model, el, signal: life.signal });
  await settle();
  const find = <E extends Element>(selector: string) => el.querySelector<E>(selector) as E;
  return { model, el, find, asked: (op: string) => model.requests(op).map((request) => request.args) };
}

function press(element: HTMLElement, key: string) {
  element.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
}

function type(field: HTMLInputElement, text: string) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

afterEach(() => {
  for (const life of opened.splice(0)) life.abort();
  document.body.replaceChildren();
});

describe("division", () => {
  it.each<[Pick<Row, "scale" | "lo" | "hi">, number[]]>([
    [{ scale: "log", lo: 1e-4, hi: 10 }, [0, 1e-4, 1e-3, 0.02, 0.1, 10]],
    [{ scale: "near one", lo: 0, hi: 0.9999 }, [0, 0.9, 0.99, 0.999, 0.9999]],
    [{ scale: "linear", lo: 0, hi: 1 }, [0, 0.25, 0.5, 1]],
    [{ scale: "linear", lo: -1.6, hi: 1.6 }, [-1.6, 0, 1.6]],
    [{ scale: "whole", lo: 0, hi: 40 }, [0, 20, 40]],
  ])("%o leads to a value and back", (given, values) => {
    const { value, position, count } = division(given);
    for (const each of values) expect(value(position(each))).toBeCloseTo(each, 2);
    for (let at = 0; at <= count; at++) expect(position(value(at))).toBe(at);
    expect(value(count)).toBeCloseTo(given.hi, 6);
  });

  it("stays on the slider for what is beyond it", () => {
    const log = division({ scale: "log", lo: 1e-4, hi: 10 });
    expect([0, -1, 1e-9, 99, Number.NaN].map(log.position)).toEqual([0, 0, 1, log.count, 0]);
    const near = division({ scale: "near one", lo: 0, hi: 0.9999 });
    expect([-1, 1, 1.5].map(near.position)).toEqual([0, near.count, near.count]);
  });
});

describe("values", () => {
  it.each([
    [0.1, "0.1"],
    [0.0035621, "0.003562"],
    [0.0005, "5e-4"],
    [1e-8, "1e-8"],
    [0.999, "0.999"],
    [0.99995, "0.99995"],
    [0, "0"],
    [2e6, "2e6"],
    [-0.8, "-0.8"],
  ])("%f is written %s, and read again", (value, text) => {
    expect(plain(value)).toBe(text);
    expect(typed(text)).toBeCloseTo(value, 5);
  });

  it("what is no number goes to the kernel, which says why", () => {
    expect(["much", "", "nan", "−0.5", " 1e-3 "].map(typed)).toEqual(["much", "", "nan", -0.5, 0.001]);
  });

  it("rows are grouped by what they belong to", () => {
    const rows = [row(), EPS, row({ section: "Dropout", about: "", name: "dropout", label: "dropout" })];
    expect(sections(rows).map((section) => [section.title, section.rows.length])).toEqual([
      ["SGD", 2],
      ["Dropout", 1],
    ]);
    expect(ofFolded(rows)).toEqual([rows[0]]);
    expect(ofFolded([EPS])).toEqual([EPS]);
  });
});

describe("HyperparameterSliders", () => {
  it("asks as often as the kernel answers, and says when the slider is let go", async () => {
    const { model, find, asked } = await open();
    const slider = find<HTMLInputElement>("input[type=range]");
    expect(slider.getAttribute("aria-valuetext")).toBe("0.1");
    for (const position of [1, 21, 41]) {
      slider.value = String(position);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
    }
    slider.dispatchEvent(new Event("change", { bubbles: true }));
    await settle();
    expect(asked("set")).toEqual([{ name: "lr", value: 1e-4, done: false }]);
    expect(slider.getAttribute("aria-valuetext")).toBe("0.01");
    model.reply(model.requests("set")[0]);
    await settle();
    expect(asked("set").at(-1)).toEqual({ name: "lr", value: 0.01, done: true });
  });

  it("takes what is typed on Enter, leaves it on Escape, and goes back where the kernel refuses it", async () => {
    const { model, find, asked, el } = await open();
    const field = find<HTMLInputElement>(".tvw-typed");
    type(field, "0.5");
    await settle();
    press(field, "Escape");
    await settle();
    expect([field.value, asked("set").length]).toEqual(["0.1", 0]);
    type(field, "much");
    await settle();
    press(field, "Enter");
    await settle();
    expect(asked("set")).toEqual([{ name: "lr", value: "much", done: true }]);
    model.refuse(model.requests("set")[0], "lr takes a number, found 'much'");
    await settle();
    expect(field.value).toBe("0.1");
    expect(el.textContent).toContain("found 'much'");
    type(field, "5e-3");
    field.dispatchEvent(new FocusEvent("blur")); // before the redraw
    await settle();
    expect(asked("set").at(-1)).toEqual({ name: "lr", value: 0.005, done: true });
  });

  it("says what a scheduler did, and offers to hold the user's value against it", async () => {
    const remark = "StepLR set lr back to 0.1";
    const { model, find, asked, el } = await open({ rows: [row({ remark, wished: 0.01, scheduler: "StepLR" })] });
    expect(find(".tvw-hyper-remark").textContent).toBe(`${remark}Hold 0.01`);
    find<HTMLButtonElement>(".tvw-hyper-remark button").click();
    expect(asked("hold")).toEqual([{ name: "lr", held: true }]);
    model.reply(model.requests("hold")[0]);
    model.set({ rows: [row({ value: 0.01, held: true, remark: "lr is held at 0.01 against StepLR" })] });
    await settle();
    expect(el.querySelector(".tvw-hyper-remark button")).toBeNull();
    const hold = find<HTMLButtonElement>(".tvw-hyper-row > button");
    expect(hold.getAttribute("aria-pressed")).toBe("true");
    hold.click();
    expect(asked("hold").at(-1)).toEqual({ name: "lr", held: false });
  });

  it("shows the learning rates while it is folded, and what is set rarely on request", async () => {
    const { model, find, asked, el } = await open({ folded: true });
    const names = () => [...el.querySelectorAll<HTMLElement>(".tvw-hyper-row")].map((each) => each.dataset.name);
    expect(names()).toEqual(["lr"]);
    find<HTMLButtonElement>(".tvw-hyper-head button").click();
    expect(asked("fold")).toEqual([{ folded: false }]);
    model.set("folded", false);
    model.reply(model.requests("fold")[0]);
    await settle();
    expect(names()).toEqual(["lr"]);
    find<HTMLButtonElement>(".tvw-hyper-more").click();
    await settle();
    expect(names()).toEqual(["lr", "eps", "nesterov"]);
    find<HTMLInputElement>("input[type=checkbox]").click();
    expect(asked("set")).toEqual([{ name: "nesterov", value: true, done: true }]);
  });

  it("undoes with u, unless that is typed into a field", async () => {
    const { find, asked } = await open({ undoable: 2 });
    press(find(".tvw-typed"), "u");
    expect(asked("undo")).toEqual([]);
    press(find("input[type=range]"), "u");
    expect(asked("undo")).toEqual([{}]);
    expect(find(".tvw-hyper-head").textContent).toContain("Undo 2");
  });

  it("of several that differ it says so", async () => {
    const { find } = await open({ rows: [row({ name: "dropout", label: "all 4", value: null, scale: "linear" })] });
    expect(find<HTMLInputElement>(".tvw-typed").value).toBe("mixed");
  });

  it("of a recorded run it lists the changes, the newest first", async () => {
    const changes = [
      { step: 10, text: "lr 0.1 → 0.2", by: "user" },
      { step: 1200, text: "lr 0.2 → 0.1", by: "StepLR" },
    ];
    const { el, find } = await open({ rows: [], changes, why_empty: "there is no training", folded: true });
    expect(find(".tvw-hyper-none").textContent).toBe("There is no training.");
    expect([...el.querySelectorAll("li")].map((each) => each.textContent)).toEqual([
      "1,200lr 0.2 → 0.1StepLR",
      "10lr 0.1 → 0.2",
    ]);
  });

  it("shows names as text, never as HTML", async () => {
    const evil = row({
      name: EVIL,
      label: EVIL,
      section: EVIL,
      about: EVIL,
      remark: EVIL,
      scheduler: EVIL,
      held: true,
    });
    const { el } = await open({ rows: [evil], changes: [{ step: 1, text: EVIL, by: EVIL }], why_empty: EVIL });
    el.querySelector<HTMLButtonElement>(".tvw-hyper-changes button")?.click();
    await settle();
    expect(el.querySelector("img")).toBeNull();
    expect(el.textContent).toContain(EVIL);
  });
});
