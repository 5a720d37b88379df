import { describe, expect, it } from "vitest";
import type { State } from "../src/epoch_scrubber/index";
import { curvePath, extent, label, markers, nearest, nextMark, playhead, ticks } from "../src/epoch_scrubber/timeline";

const run: State = {
  steps: [0, 228, 456, 684],
  epochs: [0, 1, 2, 3],
  position: null,
  against: null,
  playing: false,
  last_step: 700,
  total_steps: 4560,
  steps_per_epoch: 228,
  marks: [],
  can_continue: true,
};

describe("timeline", () => {
  it("reaches to the end of the run where that is known, else to what was seen", () => {
    expect(extent(run)).toBe(4560);
    expect(extent({ ...run, total_steps: null })).toBe(700);
    expect(extent({ ...run, total_steps: 100, last_step: 0 })).toBe(684);
  });

  it("snaps to the nearest snapshot", () => {
    expect([0, 113, 115, 300, 9999].map((step) => nearest(run.steps, step))).toEqual([0, 0, 1, 1, 3]);
  });

  it("follows the newest while live and stays where it is pinned when epochs are added", () => {
    const later = { ...run, steps: [...run.steps, 912], epochs: [...run.epochs, 4] };
    expect(playhead(run.steps, null)).toBe(3);
    expect(playhead(later.steps, null)).toBe(4);
    expect(playhead(run.steps, 228)).toBe(playhead(later.steps, 228));
  });

  it("says how far behind a pinned playhead is", () => {
    expect(label(run, 1, false)).toBe("epoch 1 · 2 behind");
    expect(label(run, 3, false)).toBe("epoch 3");
    expect(label(run, 3, true)).toBe("epoch 3");
    expect(label({ ...run, epochs: [null, null, null, null] }, 1, false)).toBe("step 228 · 2 behind");
    expect(label({ ...run, steps: [], epochs: [] }, -1, true)).toBe("no snapshot yet");
  });

  it("marks every snapshot and every coming epoch, and labels them sparsely", () => {
    const marks = ticks(run, 860);
    expect(marks.filter((mark) => mark.kept).length).toBe(4);
    expect(marks.filter((mark) => !mark.kept).length).toBe(17);
    expect(marks.map((mark) => mark.text).filter(Boolean)).toEqual(["0", "5", "10", "15", "20"]);
  });

  it("labels no two epochs in one place when the end is far away", () => {
    const far = { ...run, total_steps: run.total_steps === null ? null : 100 * (run.total_steps ?? 0) };
    expect(
      ticks(far, 860)
        .map((mark) => mark.text)
        .filter(Boolean),
    ).toEqual(["0"]);
  });

  it("goes from mark to mark, to the snapshot before each", () => {
    const marks = [run.steps[1], run.steps[3]].map((step) => ({ step: (step ?? 0) + 1, kind: "jump", text: "" }));
    expect([0, 1, 2, 3].map((index) => nextMark({ ...run, marks }, index))).toEqual([1, 3, 3, 1]);
    expect(nextMark(run, 2)).toBe(2);
  });

  it("puts each mark at its step, and those that fall together under one pointer", () => {
    const marks = [
      { step: 1140, kind: "loss", text: "train/loss is NaN at step 1140" },
      { step: 1141, kind: "jump", text: "train/loss jumped to 50" },
      { step: 4560, kind: "jump", text: "val/loss jumped to 9" },
    ];
    expect(markers({ ...run, marks }, 400)).toEqual([
      { x: 100, text: "train/loss is NaN at step 1140\ntrain/loss jumped to 50" },
      { x: 400, text: "val/loss jumped to 9" },
    ]);
  });

  it("draws a curve whose spike does not flatten the rest, and leaves out what is not finite", () => {
    const steps = Float32Array.from({ length: 200 }, (_, i) => i);
    const values = steps.map((step) => 1 - step / 400);
    values[3] = 1e6;
    values[4] = Number.NaN;
    const { line } = curvePath(steps, values, 199, 199, 36);
    expect(line).not.toMatch(/NaN|Infinity/);
    const heights = [...line.matchAll(/,([\d.]+)/g)].map((match) => Number(match[1]));
    expect(heights.length).toBe(199);
    expect((heights.at(-1) ?? 0) - (heights[0] ?? 0)).toBeGreaterThan(20);
  });
});
