// One ESM bundle and one stylesheet a widget, into the Python package. Fails when a bundle is over the budget (design.md §8).
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const BUDGET = 60_000;
const LICENCES = "third_party_licences.txt";
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "torchvis_widgets", "static");
const watch = process.argv.includes("--watch");

const widgets = readdirSync(join(here, "src")).filter((name) => existsSync(join(here, "src", name, "index.tsx")));
const parts = widgets.filter((name) => existsSync(join(here, "src", name, "more", "index.tsx")));
const bundles = [...widgets, ...parts.map((name) => `${name}_more`)];
const entries = [
  ...parts.map((name) => ({ in: join(here, "src", name, "more", "index.tsx"), out: `${name}_more` })),
  ...widgets.map((name) => ({ in: join(here, "src", name, "index.tsx"), out: name })),
  { in: join(here, "src", "dashboard", "dashboard.css"), out: "dashboard" },
];

const options = {
  entryPoints: entries,
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  logLevel: watch ? "info" : "warning",
};

function checkSizes() {
  let over = false;
  for (const name of bundles) {
    const bytes = statSync(join(out, `${name}.js`)).size;
    const tooBig = bytes > BUDGET;
    over ||= tooBig;
    console.log(`${tooBig ? "OVER " : ""}${name}.js ${(bytes / 1000).toFixed(1)} kB of ${BUDGET / 1000} kB`);
  }
  if (over) throw new Error(`a bundle is larger than ${BUDGET / 1000} kB: split it or drop a dependency`);
}

/** The licences of what is bundled have to travel with it. */
function writeLicences(inputs) {
  const bundled = inputs.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1]);
  const texts = [...new Set(bundled)]
    .filter(Boolean)
    .sort()
    .map((name) => {
      return `${name}\n\n${readFileSync(join(here, "node_modules", name, "LICENSE"), "utf8").trim()}\n`;
    });
  writeFileSync(join(out, LICENCES), texts.join(`\n${"-".repeat(80)}\n\n`));
}

/** Bundles of widgets that are no more would otherwise travel in the wheel. */
function removeOthers(written) {
  for (const name of readdirSync(out)) if (!written.includes(name)) rmSync(join(out, name), { recursive: true });
}

if (watch) {
  await (await esbuild.context(options)).watch();
} else {
  const { metafile } = await esbuild.build({ ...options, metafile: true });
  writeLicences(Object.keys(metafile.inputs));
  removeOthers([LICENCES, ...Object.keys(metafile.outputs).map((path) => basename(path))]);
  checkSizes();
}
