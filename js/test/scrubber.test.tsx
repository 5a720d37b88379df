import { afterEach, describe, expect, it, vi } from "vitest";
import scrubber, { type State } from "../src/epoch_scrubber/index";
import { FakeModel, settle } from "./fake_model";

const STATE: State = {
  ...{ steps: [0, 100, 200, 300], epochs: [0, 1, 2, 3], position: null, against: null, playing: false },
  ...{ last_step: 300, total_steps: 2000, steps_per_epoch: 100, marks: [], can_continue: true },
};
const life = new Set<AbortController>();

async function open(traits: Partial<State> = {}) {
  const model = new FakeModel({ ...STATE, ...traits });
  const whole = new AbortController();
  life.add(whole);
  const widget = scrubber();
  await (widget.initialize as (given: object) => void)({ model, signal: whole.signal });
  const el = document.body.appendChild(document.createElement("div"));
  await (widget.render as (given: object) => unknown)({ model, el, signal: whole.signal });
  await settle();
  const press = (key: string) =>
    el.querySelector('[role="slider"]')?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const button = (text: string) => [...el.querySelectorAll("button")].find((each) => each.textContent === text);
  return { model, el, press, button };
}

afterEach(() => {
  for (const each of life) each.abort();
  life.clear();
  document.body.replaceChildren();
});

describe("the speed", () => {
  it("is one of six, chosen in the list or by key, and ends at both ends", async () => {
    const { el, press } = await open();
    const select = el.querySelector<HTMLSelectElement>("select");
    expect([...(select?.options ?? [])].map((option) => option.value)).toEqual(["1", "2", "5", "10", "15", "30"]);
    expect(select?.value).toBe("10");
    for (const [key, value] of Object.entries({ "+": "15", "=": "30", "-": "15" })) {
      press(key);
      await settle();
      expect(select?.value).toBe(value);
    }
    for (let i = 0; i < 9; i++) {
      press("-");
      await settle();
    }
    expect(select?.value).toBe("1");
  });

  it("is what play asks for, also while it plays", async () => {
    const { model, el, press } = await open({ position: 0 });
    const select = el.querySelector("select");
    if (!select) throw new Error("there is no list of speeds");
    const choose = (value: string) => {
      select.value = value;
      select.dispatchEvent(new Event("change", { bubbles: true }));
      return settle();
    };
    await choose("5");
    expect(plays(model)).toEqual([]);
    press(" ");
    expect(plays(model)).toEqual([5]);
    model.set({ playing: true });
    model.reply(model.requests("play").at(-1));
    await settle();
    await choose("2");
    expect(plays(model)).toEqual([5, 2]);
  });
});

const plays = (model: FakeModel) => model.requests("play").map((request) => request.args.speed);

describe("play", () => {
  const says = (el: Element) => el.querySelector(".tvw-scrubber button")?.getAttribute("aria-label");

  it("is the kernel's: the button shows at once what was pressed, and then what is", async () => {
    const { model, el, press } = await open({ position: 0 });
    press(" ");
    await settle();
    expect(says(el)).toBe("pause");
    model.set({ playing: true });
    model.reply(model.requests("play").at(-1));
    await settle();
    expect(says(el)).toBe("pause");
    model.set({ playing: false, position: 300 });
    await settle();
    expect(says(el)).toBe("play");
    expect(model.requests("move")).toEqual([]);
  });

  it("ends by the same key, and by a move", async () => {
    const { model, press } = await open({ position: 0, playing: true });
    press(" ");
    expect(plays(model)).toEqual([null]);
    press("Home");
    expect(model.requests("move").map((request) => request.args.step)).toEqual([0]);
  });

  it("is taken back when the kernel refuses", async () => {
    const { model, el, press } = await open({ position: 0 });
    press(" ");
    model.refuse(model.requests("play").at(-1), "there is nothing to play");
    await vi.waitFor(() => expect(says(el)).toBe("play"));
    expect(el.textContent).toContain("there is nothing to play");
  });

  it("needs two snapshots", async () => {
    const { model, press } = await open({ steps: [0], epochs: [0] });
    press(" ");
    expect(plays(model)).toEqual([]);
  });
});

describe("Compare", () => {
  it("asks for the epoch on show to stay, shows where that is, and lets it go again", async () => {
    const { model, el, button } = await open({ position: 200 });
    expect(button("Compare")?.getAttribute("aria-pressed")).toBe("false");
    expect(el.querySelector(".tvw-against")).toBeNull();
    button("Compare")?.click();
    expect(model.requests("compare").at(-1)?.args).toEqual({ on: true });
    model.set({ against: 200, position: 300 });
    model.reply(model.requests("compare").at(-1));
    await settle();
    expect(button("Compare")?.getAttribute("aria-pressed")).toBe("true");
    expect(el.querySelector(".tvw-against title")?.textContent).toBe("compared with epoch 2");
    button("Compare")?.click();
    expect(model.requests("compare").at(-1)?.args).toEqual({ on: false });
  });

  it("has a key, and nothing to do without a snapshot", async () => {
    const { model, press } = await open();
    press("c");
    expect(model.requests("compare")).toHaveLength(1);
    const { button } = await open({ steps: [], epochs: [] });
    expect(button("Compare")?.disabled).toBe(true);
  });
});

describe("without a kernel", () => {
  it("says that the kernel is gone, keeps what is on show, and takes it back", async () => {
    const { model, el } = await open({ position: 200 });
    model.reply(model.requests("hello")[0]);
    el.classList.add("jupyter-widgets-disconnected");
    await vi.waitFor(() => expect(el.querySelector(".tvw-gone")?.textContent).toContain("The kernel is gone"));
    expect(el.querySelector(".tvw-frame")?.getAttribute("data-gone")).toBe("true");
    expect(el.querySelector('[role="slider"]')?.getAttribute("aria-valuetext")).toBe("epoch 2 · 1 behind");
    el.classList.remove("jupyter-widgets-disconnected");
    await vi.waitFor(() => expect(el.querySelector(".tvw-gone")).toBeNull());
  });

  it("finds out at once when the host closes the comm", async () => {
    const { model, el } = await open({ position: 200 });
    model.reply(model.requests("hello")[0]);
    model.send = () => {
      throw new Error("comm is closed");
    };
    model.emit("comm_live_update");
    await vi.waitFor(() => expect(el.querySelector(".tvw-gone")?.textContent).toContain("The kernel is gone"));
  });
});

describe("continue from here", () => {
  const words = "Continue from here";

  it("asks for the step of the playhead, and says what becomes of it", async () => {
    const { model, el, button, press } = await open({ position: 200 });
    button(words)?.click();
    press("r");
    expect(model.requests("continue_from").map((request) => request.args)).toEqual([{ step: 200 }, { step: 200 }]);
    model.reply(model.requests("continue_from")[0], { note: "training goes on from epoch 2 (step 200)" });
    await settle();
    const note = el.querySelector(".tvw-scrubber-note");
    expect(note?.textContent).toContain("training goes on from epoch 2");
    note?.querySelector("button")?.click();
    await settle();
    expect(el.querySelector(".tvw-scrubber-note")).toBeNull();
  });

  it("asks for nothing while live, and is not there where nothing can be driven", async () => {
    const { model, button, press } = await open({ position: null });
    expect(button(words)?.getAttribute("aria-disabled")).toBe("true");
    button(words)?.click();
    press("r");
    expect(model.requests("continue_from")).toEqual([]);
    model.set("can_continue", false);
    await settle();
    expect(button(words)).toBeUndefined();
  });
});
