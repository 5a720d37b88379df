import { describe, expect, it, vi } from "vitest";
import { loadPart, savePart } from "../src/shared/part";
import { keepStill, kept, STILL_BYTES, seeds } from "../src/shared/still";
import { bytes, Link, type Push } from "../src/shared/wire";
import { FakeModel, inside } from "./fake_model";

const push = (topic: string, size: number): Push => ({
  topic,
  seq: 4,
  value: { size },
  buffers: [inside(new Uint8Array(size).fill(7))],
});

describe("the last picture", () => {
  it("is kept in buffers of its own and comes back the same", () => {
    const [back] = seeds(kept([push("frame", 9)]));
    expect(back).toMatchObject({ topic: "frame", value: { size: 9 } });
    expect([...bytes(back?.buffers[0])]).toEqual(Array(9).fill(7));
    expect(back?.buffers[0]?.buffer.byteLength).toBe(9);
  });

  it("stays within its bytes, the smaller pictures first", () => {
    const all = [push("large", STILL_BYTES - 10), push("small", 8), push("frame", 40)];
    expect(kept(all).map((each) => each.topic)).toEqual(["small", "frame", "large"]);
    expect(seeds(kept(all)).map((each) => each.topic)).toEqual(["small", "frame"]);
  });

  it("says that it is missing where it was too large", () => {
    for (const [size, gone] of [
      [STILL_BYTES + 1, "partly"],
      [STILL_BYTES - 1, "never"],
    ] as const) {
      const model = new FakeModel({ still: kept([push("frame", size)]) });
      const link = new Link(model, undefined, () => {});
      keepStill(model as never, link, undefined);
      link.connected(false);
      expect(link.status.gone).toBe(gone);
    }
  });

  it("passes over what is none", () => {
    for (const odd of [undefined, null, {}, "x", [null, 3, {}, { topic: 5 }]]) expect(seeds(odd)).toEqual([]);
  });

  it("is shown at once, and what comes later is kept in the model, in the page alone", () => {
    vi.useFakeTimers();
    const model = new FakeModel({ still: kept([push("frame", 3)]) });
    const link = new Link(model, undefined, () => {});
    keepStill(model as never, link, undefined);
    const got: unknown[] = [];
    link.on("frame", ({ value }) => got.push(value));
    expect(got).toEqual([{ size: 3 }]);
    model.push("frame", 1, { size: 5 }, []);
    vi.advanceTimersByTime(1000);
    expect(model.traits.still).toMatchObject([{ topic: "frame", value: { size: 5 } }]);
    expect(model.sent).toEqual([]);
    vi.useRealTimers();
  });

  it("brings the second bundle along while that is needed, and a page without a kernel has it from there", async () => {
    const code = "export const answer = 42";
    const load = async (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const model = new FakeModel({});
    const link = new Link(model, undefined, () => {});
    const asked = loadPart(link, load);
    model.reply(model.requests("part")[0], {}, [inside(new TextEncoder().encode(code))]);
    expect(await asked).toBe(code);
    savePart(link, true);
    const still = kept(link.latest);
    expect(still.map((each) => each.topic)).toEqual(["part"]);
    savePart(link, false);
    expect(kept(link.latest)).toEqual([]);

    const page = new FakeModel({});
    const alone = new Link(page, undefined, () => {});
    alone.seed(seeds(still));
    expect(await loadPart(alone, load)).toBe(code);
    expect(page.requests("part")).toEqual([]);
  });
});
