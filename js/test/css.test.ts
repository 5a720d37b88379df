// On a dashboard every widget's stylesheet applies to every widget.
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";

const SOURCE = join(import.meta.dirname, "..", "src");
const EVERYWHERE = new Set(["shared", "dashboard"]);

/** The classes of the elements that a stylesheet's rules are for: those of each selector's last part. */
function styled(css: string): string[] {
  const selectors = [...css.replace(/\/\*.*?\*\//gs, "").matchAll(/([^{};]+)\{/g)].flatMap(([, found]) =>
    (found ?? "").split(","),
  );
  return selectors.flatMap(
    (selector) =>
      selector
        .trim()
        .split(/\s+/)
        .at(-1)
        ?.match(/\.tvw-[\w-]+/g) ?? [],
  );
}

describe("stylesheets", () => {
  it("have no class that two widgets mean different things by", () => {
    const widgets = new Map<string, Set<string>>();
    const shared = new Set<string>();
    const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" });
    for (const path of files.filter((file) => file.endsWith(".css"))) {
      const folder = path.split(sep)[0] ?? "";
      for (const name of styled(readFileSync(join(SOURCE, path), "utf8"))) {
        if (EVERYWHERE.has(folder)) shared.add(name);
        else widgets.set(name, (widgets.get(name) ?? new Set()).add(folder));
      }
    }
    expect(widgets.size).toBeGreaterThan(100);
    const twice = [...widgets].filter(([name, folders]) => folders.size > 1 && !shared.has(name));
    expect(twice.map(([name, folders]) => `${name}: ${[...folders].join(", ")}`)).toEqual([]);
  });
});
