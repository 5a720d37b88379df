// The viewer's computations, by their values.
import { describe, expect, it, vi } from "vitest";
import { masked } from "../src/activation_viewer/body/attention";
import { ranked } from "../src/activation_viewer/body/bars";
import { softmax, topK } from "../src/activation_viewer/body/class_bars";
import { rowOf } from "../src/activation_viewer/body/head";
import { hitHeat, layoutHeat, renderHeat } from "../src/activation_viewer/body/heat";
import { binned } from "../src/activation_viewer/body/histogram";
import { renderImage } from "../src/activation_viewer/body/image";
import { patchCodes } from "../src/activation_viewer/body/patches";
import { sliceUnit } from "../src/activation_viewer/body/slices";
import { attached, valueAt } from "../src/activation_viewer/exact";
import type { Frame, Picture } from "../src/activation_viewer/frame";
import { fitting, tileOf, unitName, unravel } from "../src/activation_viewer/picture";
import { fileName } from "../src/activation_viewer/save/save_png";
import { blank, stroke } from "../src/activation_viewer/strip/ink";
import { Paced } from "../src/activation_viewer/strip/paced";
import { reading } from "../src/activation_viewer/time/distribution";
import { pinLines } from "../src/activation_viewer/time/pin_lines";
import { baseOf, hitRidge, layoutRidges, ridgePoints, tallest } from "../src/activation_viewer/time/ridge_lines";
import { change, when } from "../src/activation_viewer/words";
import { copyText } from "../src/shared/clipboard";
import { lut, MASKED, pack } from "../src/shared/colour";
import type { Push } from "../src/shared/wire";
import { inside } from "./fake_model";

const picture = (given: object) =>
  ({ kind: "maps", axes: ["channel", "", ""], order: null, ...given }) as unknown as Picture;

describe("logits", () => {
  it("become shares that sum to one, whatever is not finite", () => {
    const shares = softmax([1, 3, Number.NaN, Number.POSITIVE_INFINITY, 1]);
    expect(shares[1]).toBeCloseTo(Math.exp(2) / (Math.exp(2) + 2), 6);
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    expect([shares[2], shares[3]]).toEqual([0, 0]);
    expect(softmax(new Array(100_000).fill(1000))[0]).toBeCloseTo(1e-5, 9);
  });
  it("are ranked, NaN last, equals in order", () => {
    expect(topK([1, Number.NaN, 5, 5, -2], 4)).toEqual([2, 3, 0, 4]);
  });
  it("stand by strength where bars are sorted by energy", () => {
    expect(ranked(Float32Array.of(1, -3, 2), "energy")).toEqual([1, 2, 0]);
    expect(ranked(Float32Array.of(1, -3, 2), "index")).toBeNull();
  });
});

describe("attention", () => {
  it("is grey where a causal mask hides it, also with keys from before", () => {
    expect([...masked(new Uint8Array(4).fill(9), 1, 2, 2)]).toEqual([9, MASKED, 9, 9]);
    expect([...masked(new Uint8Array(6).fill(9), 1, 2, 3)]).toEqual([9, 9, MASKED, 9, 9, 9]);
  });
  it("reads one query's weights, exact where they are known", () => {
    const about = { tiles: [1, 2, 2] as [number, number, number], hi: 0.5 };
    expect([...rowOf(null, Uint8Array.of(0, 250, 125, MASKED), 1, about)]).toEqual([0.25, 0]);
    const exact = { height: 2, width: 2, values: Float32Array.of(0.1, 0.9, 0.25, 0.75) };
    expect([...rowOf(exact, new Uint8Array(4), 1, about)]).toEqual([0.25, 0.75]);
  });
  it("lies over the patches, the tokens before them left out", () => {
    expect([...patchCodes(Float32Array.of(9, 0, 0.5, 1), 1)]).toEqual([0, 125, 250]);
  });
});

describe("a heat map", () => {
  const size = { height: 12, width: 96 };
  const layout = layoutHeat({ ...size, room: 800, limit: 290, ratio: 1 });
  it("fills its room with whole pixels", () => {
    expect(layout).toMatchObject({ x: 8, y: 24, reduceX: 1, canvasWidth: 768, canvasHeight: 288 });
  });
  it("averages what is larger than its room", () => {
    const large = layoutHeat({ height: 1000, width: 300, room: 500, limit: 290, ratio: 1 });
    expect(large).toMatchObject({ x: 1, y: 1, reduceY: 4, reduceX: 1, canvasHeight: 250 });
    expect(layoutHeat({ height: 197, width: 197, room: 400, limit: 330, ratio: 1, square: true })).toMatchObject({
      x: 1,
      y: 1,
    });
  });
  it("paints an element where the pointer finds it", () => {
    const codes = new Uint8Array(12 * 96);
    codes[5 * 96 + 40] = 250;
    const pixels = renderHeat(codes, size, lut(false), layout);
    const [x, y] = [40 * 8 + 7, 5 * 24 + 23];
    expect(pixels.rgba[y * pixels.width + x]).toBe(pack([46, 18, 82]));
    expect(pixels.rgba[(y + 1) * pixels.width + x]).toBe(pack([247, 247, 247]));
    expect(hitHeat(layout, size, (x + 0.5) / 768, (y + 0.5) / 288)).toEqual({ row: 5, column: 40 });
    expect(hitHeat(layout, size, -0.01, 0.5)).toBeNull();
  });
});

describe("images", () => {
  it("are red, green and blue, or grey", () => {
    expect([...renderImage(Uint8Array.of(250, 0, 0, 250, 125, 0), [3, 1, 2], 1).rgba]).toEqual([
      pack([255, 0, 128]),
      pack([0, 255, 0]),
    ]);
    expect(renderImage(Uint8Array.of(125), [1, 1, 1], 2).rgba).toEqual(new Uint32Array(4).fill(pack([128, 128, 128])));
  });
});

describe("ridges", () => {
  const layout = layoutRidges({ rows: 3, bins: 4, width: 100, height: 50, left: 20 });
  const shares = Float32Array.of(0, 1, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.25);
  it("stand on base lines from top to bottom, as tall as their share", () => {
    expect(baseOf(layout, 2)).toBeCloseTo(46, 6);
    const points = ridgePoints(layout, shares, 1, 1);
    expect(points[4]).toBeCloseTo(20 + (2.5 / 4) * 80, 6);
    expect(points[5]).toBeCloseTo(baseOf(layout, 1) - 0.5 * layout.tall, 6);
    expect(points[1]).toBeCloseTo(baseOf(layout, 1), 6);
  });
  it("are found by the pointer", () => {
    expect(hitRidge(layout, 20 + 0.6 * 80, baseOf(layout, 1) - 1)).toEqual({ row: 1, bin: 2 });
    expect(hitRidge(layout, 5, 20)).toBeNull();
  });
  it("are not flattened by one spike of zeros", () => {
    const spiky = new Float32Array(200).fill(0.01);
    spiky[7] = 0.9;
    expect(tallest(spiky)).toBeCloseTo(0.03, 6);
    expect(tallest(Float32Array.of(0, 0, 0.5))).toBe(0.5);
  });
  it("say what they show", () => {
    const about = {
      key: "",
      what: "weights" as const,
      steps: [0, 9],
      epochs: [0, 1],
      lo: -1,
      hi: 1,
      bins: 4,
      done: true,
      at: 0,
    };
    expect(reading(about, Float32Array.of(0, 0, 0, 0, 0, 0.125, 0, 0), { row: 1, bin: 1 })).toBe(
      "epoch 1: 13 % of the values in −0.500 … 0",
    );
  });
});

describe("pins", () => {
  it("are a band and a mean, with gaps where nothing is known", () => {
    const unknown = Number.NaN;
    const line = pinLines(Float32Array.of(0, unknown, 2, -2, unknown, 1, 1, unknown, 2), [0, 50, 100], 50, 100, 44);
    expect([line.lo, line.hi, line.here]).toEqual([-2, 2, 50]);
    expect(line.mean).toBe("M0.0,22.0L100.0,2.0");
    expect(line.band).toBe("M0.0,12.0L100.0,2.0L100.0,12.0L0.0,42.0Z");
    expect(pinLines(new Float32Array(0), [], 3, 100, 40)).toMatchObject({ mean: "", band: "", here: null });
  });
});

describe("drawing", () => {
  it("inks along the pen's way and rubs out", () => {
    const sheet = blank(9, 9);
    stroke(sheet, { x: 1, y: 4.5 }, { x: 8, y: 4.5 }, 1);
    expect([sheet.ink[4 * 9 + 4], sheet.ink[0]]).toEqual([255, 0]);
    stroke(sheet, { x: 4.5, y: 4.5 }, { x: 4.5, y: 4.5 }, 1, true);
    expect([sheet.ink[4 * 9 + 4], sheet.ink[4 * 9 + 1]]).toEqual([0, 255]);
  });
  it("is sent at a pace, the newest alone", async () => {
    vi.useFakeTimers();
    const sent: number[] = [];
    const paced = new Paced(async (n: number) => sent.push(n), 50);
    for (let i = 0; i < 10; i++) paced.push(i);
    expect(sent).toEqual([0]);
    await vi.advanceTimersByTimeAsync(49);
    expect(sent).toEqual([0]);
    await vi.advanceTimersByTimeAsync(60);
    expect(sent).toEqual([0, 9]);
    vi.useRealTimers();
  });
});

describe("units", () => {
  it("are told by their indices where they run over several dimensions", () => {
    expect(unravel(17, [2, 12])).toEqual([1, 5]);
    expect(unitName(picture({ lead: [2, 12], axes: ["slice", "", ""] }), 17)).toBe("slice [1, 5]");
    expect(sliceUnit([1, 5], [2, 12], 0, 0)).toBe(5);
    expect(sliceUnit([1, 5], [2, 12], 1, 11)).toBe(23);
  });
  it("are found where they are sorted", () => {
    const sorted = picture({ order: [4, 2, 0], tiles: [3, 1, 1] });
    expect([tileOf(sorted, 0), tileOf(sorted, 3), tileOf(sorted, null)]).toEqual([2, 0, 0]);
  });
  it("are counted between the limits, without what is no number", () => {
    expect(binned(Uint8Array.of(0, 125, 250, 255, 253), 2)).toEqual([2, 1]);
  });
  it("can be shown as what their shape allows", () => {
    expect(fitting(picture({ shape: [3, 8, 8], dtype: "float32" }))).toContain("image");
    expect(fitting(picture({ shape: [5, 4], dtype: "float32" }))).toContain("boxes");
    expect(fitting(picture({ shape: [8], dtype: "int64" }))).toEqual(["vector", "labels", "text"]);
  });
});

describe("panels on the wire", () => {
  const panel = (given: object) => ({ exact: 1, picture: picture({ tiles: [2, 1, 2], kind: "maps" }), ...given });
  const push = (panels: object[], values: Float32Array) =>
    ({ value: { panels }, buffers: [inside(new Uint8Array(4)), inside(values, 5)], seq: 1 }) as unknown as Push<Frame>;
  it("bring exact values unit by unit, from an odd offset", () => {
    const found = attached(push([panel({})], Float32Array.of(1, 2, 3, 4)));
    expect([...(found.get("0:1")?.values ?? [])]).toEqual([3, 4]);
    expect(
      valueAt(found.get("0:0") ?? { height: 1, width: 2, values: new Float32Array(2) }, 0, 1, { height: 1, width: 2 })
        .value,
    ).toBe(2);
  });
  it("bring a whole vector as one unit, and nothing without a buffer", () => {
    const vector = picture({ kind: "vector", tiles: [1, 1, 2], axes: ["", "", "unit"] });
    expect(attached(push([panel({ picture: vector })], Float32Array.of(1, 2, 3, 4))).get("0:0")?.width).toBe(4);
    expect(attached(push([panel({ exact: null })], new Float32Array(4))).size).toBe(0);
  });
});

describe("words", () => {
  const say = (text: string, probability: number | null = 0.9) => ({ text, correct: null, probability });
  it("say a loss that was another only where it reads as another", () => {
    const frame = { live: false, epoch: 5, step: 0, loss: 0.412, loss_before: 0.184 } as Frame;
    expect(when(frame)).toBe("epoch 5 · probe loss 0.184 → 0.412");
    expect(when({ ...frame, loss: 0.18400001 })).toBe("epoch 5 · probe loss 0.184");
  });

  it("say what an ablation does to a prediction", () => {
    expect(change(say("3"), say("5"))).toBe("was 3");
    expect(change(say("3"), say("3", 0.414))).toBe("90→41 %");
    expect(change(say("3"), say("3", 0.902))).toBe("");
    expect(change(undefined, say("3"))).toBe("");
  });
  it("make a file's name of anything", () => {
    expect(fileName("../a<b>/c epoch 5")).toBe("_a_b__c epoch 5.png");
    expect(fileName("")).toBe("activations.png");
  });
});

describe("the clipboard", () => {
  it("is reached the old way where the page has no permission", async () => {
    vi.stubGlobal("navigator", { clipboard: { writeText: () => Promise.reject(new Error("denied")) } });
    let selected = "";
    document.execCommand = () => {
      selected = document.querySelector("textarea")?.value ?? "";
      return true;
    };
    expect(await copyText("session.activations()")).toBe(true);
    expect(selected).toBe("session.activations()");
    expect(document.querySelector("textarea")).toBeNull();
    vi.unstubAllGlobals();
  });
});
