import { describe, expect, it, vi } from "vitest";
import { gridMove, onKeys } from "../src/shared/keyboard";

function press(target: HTMLElement, key: string, modifiers: KeyboardEventInit = {}) {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...modifiers });
  target.dispatchEvent(event);
  return event;
}

describe("onKeys", () => {
  const play = vi.fn();
  const outer = vi.fn();
  const box = document.createElement("div");
  const inner = document.createElement("div");
  box.append(inner);
  document.body.append(box);
  inner.addEventListener("keydown", onKeys({ " ": play, ArrowLeft: play }));
  document.body.addEventListener("keydown", outer);

  it("runs the action and keeps the key from the host", () => {
    const event = press(inner, "ArrowLeft");
    expect(play).toHaveBeenCalledOnce();
    expect(event.defaultPrevented).toBe(true);
    expect(outer).not.toHaveBeenCalled();
  });

  it("leaves the host its own: other keys and keys with a modifier", () => {
    play.mockClear();
    press(inner, "x");
    press(inner, "ArrowLeft", { ctrlKey: true });
    expect(play).not.toHaveBeenCalled();
    expect(outer).toHaveBeenCalledTimes(2);
  });

  it("leaves a button its space and a field its text", () => {
    play.mockClear();
    const button = inner.appendChild(document.createElement("button"));
    const input = inner.appendChild(document.createElement("input"));
    press(button, " ");
    press(input, "ArrowLeft");
    expect(play).not.toHaveBeenCalled();
    press(button, "ArrowLeft");
    expect(play).toHaveBeenCalledOnce();
  });
});

describe("gridMove", () => {
  it.each([
    ["ArrowRight", 11, 12],
    ["ArrowLeft", 11, 10],
    ["ArrowUp", 11, 3],
    ["ArrowDown", 11, 19],
    ["Home", 11, 0],
    ["End", 11, 31],
    ["ArrowUp", 3, 3],
    ["ArrowDown", 30, 30],
  ])("%s leads from %i to %i of 32 in eight columns", (key, from, to) => {
    expect(gridMove(key, from, 32, 8)).toBe(to);
  });

  it("knows no other key", () => {
    expect(gridMove("a", 0, 32, 8)).toBeNull();
  });
});
