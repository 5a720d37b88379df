import { afterEach, describe, expect, it } from "vitest";
import { costTitle, memoryText } from "../src/training_bar/cost";
import bar, { type State } from "../src/training_bar/index";
import { FakeModel, settle } from "./fake_model";

const OPEN = { pause: "", step: "", epoch: "", stop: "" };
const STATE: State = {
  ...{ name: "digits", run_path: "/runs/digits", status: "training", epoch: 7, epochs: 20, step: 1594, progress: 0.34 },
  ...{ rate: 5120, steps_per_second: 80, seconds_left: 42, elapsed: 22, warnings: [], detail: "" },
  ...{ overhead: 0.004, overhead_cap: 0.02, savings: "", unavailable: OPEN },
  memory: [{ place: "host", used: 812e6, total: 16e9 }],
};
const life = new Set<AbortController>();

async function open(traits: Partial<State> = {}) {
  const model = new FakeModel({ ...STATE, ...traits });
  const whole = new AbortController();
  life.add(whole);
  const widget = bar();
  await (widget.initialize as (given: object) => void)({ model, signal: whole.signal });
  const el = document.body.appendChild(document.createElement("div"));
  await (widget.render as (given: object) => unknown)({ model, el, signal: whole.signal });
  await settle();
  const button = (text: string) =>
    [...el.querySelectorAll<HTMLButtonElement>("button")].find((each) => each.textContent === text);
  const press = (key: string) =>
    el.querySelector(".tvw-bar-controls button")?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const asked = () => model.sent.map((message) => message.op).filter((op) => op && op !== "hello" && op !== "presence");
  return { model, el, button, press, asked };
}

afterEach(() => {
  for (const each of life) each.abort();
  life.clear();
  document.body.replaceChildren();
});

describe("the buttons", () => {
  it("ask for what they say, and pause turns into resume while the loop is held", async () => {
    const { model, button, asked } = await open();
    for (const name of ["Pause", "Step", "Epoch", "Stop"]) button(name)?.click();
    for (const status of ["pausing", "paused"]) {
      model.set("status", status);
      await settle();
      button("Resume")?.click();
    }
    expect(asked()).toEqual(["pause", "step", "epoch", "stop", "resume", "resume"]);
  });

  it("have keys, which leave others and modifiers to the host", async () => {
    const { model, el, press, asked } = await open();
    for (const key of ["p", "s", "e", "x", "q"]) press(key);
    model.set("status", "paused");
    await settle();
    press("p");
    const event = new KeyboardEvent("keydown", { key: "s", bubbles: true, ctrlKey: true });
    el.querySelector(".tvw-bar-controls button")?.dispatchEvent(event);
    expect(asked()).toEqual(["pause", "step", "epoch", "stop", "resume"]);
  });

  it("say why they cannot be pressed, keep the focus, and ask for nothing", async () => {
    const why = "nothing could resume this loop";
    const { button, press, asked } = await open({ unavailable: { ...OPEN, pause: why, step: why, epoch: why } });
    const pause = button("Pause");
    pause?.focus();
    pause?.click();
    for (const key of ["p", "s", "e"]) press(key);
    expect(asked()).toEqual([]);
    expect(pause?.title).toBe(why);
    expect(pause?.getAttribute("aria-disabled")).toBe("true");
    expect(pause?.disabled).toBe(false);
    expect(document.activeElement).toBe(pause);
    button("Stop")?.click();
    expect(asked()).toEqual(["stop"]);
  });

  it("are not there where nothing is to be driven", async () => {
    const { el, model } = await open({ status: "finished", unavailable: {} });
    expect(el.querySelector(".tvw-bar-controls")).toBeNull();
    model.set({ status: "training", unavailable: OPEN });
    await settle();
    expect(el.querySelectorAll(".tvw-bar-controls button")).toHaveLength(4);
  });

  it("show the kernel's refusal", async () => {
    const { model, el, button } = await open();
    button("Stop")?.click();
    model.refuse(model.requests("stop")[0], "this loop uses neither");
    await settle();
    expect(el.textContent).toContain("this loop uses neither");
  });
});

describe("what training takes", () => {
  it("is told in a word and in full", async () => {
    const { el } = await open();
    const cost = el.querySelector(".tvw-bar-cost");
    expect(cost?.textContent).toBe("watching costs 0.4 %");
    expect(cost?.getAttribute("title")).toContain("held to 2 % where possible");
    const memory = el.querySelector(".tvw-bar-memory");
    expect(memory?.textContent).toBe("812 MB");
    expect(memory?.getAttribute("title")).toBe("host: 812 MB of 16.0 GB");
  });

  it("says what is done more rarely, and when it is far over its cap", async () => {
    const { el, model } = await open({ savings: "statistics: 3 of 9 that were due", overhead: 0.02 });
    const cost = () => el.querySelector(".tvw-bar-cost");
    expect(cost()?.textContent).toBe("watching held to 2.0 %");
    expect(costTitle({ ...STATE, savings: "statistics: 3 of 9 that were due" })).toContain("3 of 9");
    expect(cost()?.classList.contains("tvw-warm")).toBe(false);
    model.set("overhead", 0.09);
    await settle();
    expect(cost()?.classList.contains("tvw-warm")).toBe(true);
    expect(cost()?.textContent).toBe("watching costs 9.0 %");
  });

  it("is not shown before it is known, nor a limit where there is none", async () => {
    const { el } = await open({ overhead: null, memory: [] });
    expect(el.querySelector(".tvw-bar-cost")).toBeNull();
    expect(el.querySelector(".tvw-bar-memory")).toBeNull();
    expect(costTitle({ ...STATE, overhead_cap: null })).not.toContain("held to");
  });

  it("adds devices up", () => {
    const gpu = (place: string) => ({ place, used: 1.2e9, total: 141e9 });
    expect(memoryText([...STATE.memory, gpu("cuda:0")])).toBe("812 MB · GPU 1.2 GB");
    expect(memoryText([gpu("cuda:0"), gpu("cuda:1")])).toBe("2 GPUs 2.4 GB");
  });

  it("tells of no pace while it stands still", async () => {
    const { el, model } = await open();
    expect(el.textContent).toContain("0:42 left · 5,120 samples/s");
    model.set("status", "paused");
    await settle();
    expect(el.textContent).toContain("0:42 left");
    expect(el.textContent).not.toContain("samples/s");
  });
});
