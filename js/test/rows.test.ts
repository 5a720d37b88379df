import { describe, expect, it } from "vitest";
import { describe as about, ancestors, foldedAtFirst, parentOf, type Row, visibleRows } from "../src/model_map/rows";

function row(path: string, depth: number, foldable = false, extra: Partial<Row> = {}): Row {
  const name = path.split(".").at(-1) ?? "";
  const base = { type: "Conv2d", shape: "8×8", parameters: 1600, bytes: 6400, idle: false, note: "", calls: 1 };
  const rest = { frozen: "no", kind: "module", box: foldable } as const;
  return { path, name, depth, foldable, ...base, ...rest, tied: [], weights: [], ...extra };
}

const small = [row("", 0, true), row("a", 1, true), row("a.b", 2, true), row("a.b.c", 3), row("d", 1)];

describe("model map rows", () => {
  it("opens small models and folds large ones below their second level", () => {
    expect(foldedAtFirst(small).size).toBe(0);
    const large = [row("", 0, true)];
    for (let i = 0; i < 50; i++) large.push(row(`l${i}`, 1, true), row(`l${i}.x`, 2));
    const folded = foldedAtFirst(large);
    expect(visibleRows(large, folded).length).toBe(51);
  });

  it("hides all that is below a folded row, and nothing beside it", () => {
    expect(visibleRows(small, new Set(["a"])).map((r) => r.path)).toEqual(["", "a", "d"]);
    expect(visibleRows(small, new Set(["a.b"])).map((r) => r.path)).toEqual(["", "a", "a.b", "d"]);
  });

  it("knows the way up", () => {
    expect(parentOf(small, "d")?.path).toBe("");
    expect(ancestors(small, "a.b.c")).toEqual(["a.b", "a", ""]);
    expect(parentOf(small, "")).toBeNull();
  });

  it("says in words what is odd about a layer", () => {
    const text = about(row("a", 1, false, { frozen: "all", note: "never called; tied to head" }));
    expect(text).toBe("a · Conv2d\n8×8\n1,600 parameters, frozen, 6.4 kB\nnever called; tied to head");
  });
});
