import { describe, expect, it } from "vitest";
import { signsOf } from "../src/model_map/marks";
import { measureOf, share, told } from "../src/model_map/measure";
import { sortedRows } from "../src/model_map/order";
import { above, byteSize, foldableBeside } from "../src/model_map/rows";
import { marked, matches, nextMatch, typedAhead } from "../src/model_map/search";
import { inside } from "./fake_model";
import { row } from "./map_nets";

const rows = [
  row("", 0, { name: "Net", type: "Net", foldable: true }),
  row("features", 1, { type: "Sequential", foldable: true }),
  row("features.conv1", 2, { shape: "16×8×8" }),
  row("features.relu", 2, { type: "ReLU" }),
  row("head", 1, { type: "Sequential", foldable: true }),
  row("head.fc", 2, { type: "Linear", shape: "10" }),
];

describe("search", () => {
  it("finds by name, class and shape, each word", () => {
    expect(matches(rows, "conv1")).toEqual(["features.conv1"]);
    expect(matches(rows, "RELU")).toEqual(["features.relu"]);
    expect(matches(rows, "16x8")).toEqual(["features.conv1"]);
    expect(matches(rows, "head linear")).toEqual(["head.fc"]);
    expect(matches(rows, "  ")).toEqual([]);
    expect(matches(rows, ".*(")).toEqual([]);
  });

  it("goes to the next and the one before, round the ends", () => {
    const found = ["features.conv1", "head.fc"];
    expect(nextMatch(rows, found, "features", 1)).toBe("features.conv1");
    expect(nextMatch(rows, found, "features.conv1", 1)).toBe("head.fc");
    expect(nextMatch(rows, found, "head.fc", 1)).toBe("features.conv1");
    expect(nextMatch(rows, found, "features.conv1", -1)).toBe("head.fc");
    expect(nextMatch(rows, [], "head", 1)).toBeNull();
  });

  it("says where the text holds what was typed", () => {
    expect(marked("conv1", "v")).toEqual(["con", "v", "1"]);
    expect(marked("Conv2d", "x CONV")).toEqual(["", "Conv", "2d"]);
    expect(marked("conv1", "z")).toEqual(["conv1"]);
    expect(marked("İ", "i")).toEqual(["İ"]);
  });

  it("goes to names that begin with the letters typed", () => {
    expect(typedAhead(rows, 0, "h")).toBe(4);
    expect(typedAhead(rows, 4, "f")).toBe(5);
    expect(typedAhead(rows, 5, "fe")).toBe(1);
    expect(typedAhead(rows, 1, "zz")).toBe(-1);
  });
});

describe("the order of the rows", () => {
  it("puts the most first among siblings, their own rows with them; equal ones stay", () => {
    const values = new Map([
      ["features", 1],
      ["head", 5],
      ["features.relu", 3],
      ["features.conv1", Number.NaN],
    ]);
    expect(sortedRows(rows, values).map(({ path }) => path)).toEqual([
      ...["", "head", "head.fc", "features", "features.relu", "features.conv1"],
    ]);
    expect(sortedRows(rows, new Map())).toEqual(rows);
  });

  it("knows what stands above and beside", () => {
    expect([...above(rows, ["head.fc", "features.relu"])].sort()).toEqual(["", "features", "head"]);
    expect(foldableBeside(rows, "head")).toEqual(["features", "head"]);
  });
});

describe("measures", () => {
  it("are told with their unit", () => {
    expect(told(0.0012, { by: "seconds", unit: "s" })).toBe("1.20 ms");
    expect(told(4640, { by: "parameters", unit: "" })).toBe("4.6 k");
    expect(told(Number.NaN, { by: "gradient", unit: "" })).toBe("");
    expect([byteSize(640), byteSize(18560)]).toEqual(["640 B", "18.6 kB"]);
  });

  it("fill a share of the scale of the leaves", () => {
    const push = { topic: "measure", seq: 1, value: { by: "macs", unit: "MAC", lo: 0, hi: 8, paths: ["a", "b", "c"] } };
    const found = measureOf({ ...push, buffers: [inside(new Float32Array([2, 16, Number.NaN]))] } as never, "macs");
    expect(found && ["a", "b", "c", "d"].map((path) => share(found, path))).toEqual([0.25, 1, 0, 0]);
    expect(measureOf({ ...push, buffers: [] } as never, "memory")).toBeNull();
  });
});

describe("marks", () => {
  it("say each thing that is odd", () => {
    const odd = row("a", 1, { frozen: "all", idle: true, tied: ["b"], calls: 3 });
    const marks = [{ path: "a", kind: "dead" as const, text: "98 % zero" }];
    expect(signsOf(odd, marks).map(({ kind }) => kind)).toEqual(["dead", "frozen", "idle", "tied", "reused"]);
    expect(signsOf(row("a", 1), [])).toEqual([]);
  });
});
