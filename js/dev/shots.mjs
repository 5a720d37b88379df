// Screenshots of every scene, light and dark, into dev/shots/ (git-ignored), to be looked at. Fails on a console error.
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { serve } from "./serve.mjs";

const out = join(dirname(fileURLToPath(import.meta.url)), "shots");
mkdirSync(out, { recursive: true });

const SCENES = {
  dashboard: "scene=dashboard",
  "dashboard-live": "scene=dashboard&live&layer=features.relu2",
  "dashboard-850": "scene=dashboard&width=850",
  "dashboard-640": "scene=dashboard&width=640",
  all: "scene=all&width=860&failed",
  ...Object.fromEntries(
    [330, 640, 900].flatMap((width) => [
      [`map-${width}`, `scene=model_map&width=${width}`],
      [`map-resnet-${width}`, `scene=model_map&width=${width}&resnet&layer=layer2.0.conv1&do=by:parameters`],
      [`map-graph-${width}`, `scene=model_map&width=${width}&do=graph`],
      [`map-graph-resnet-${width}`, `scene=model_map&width=${width}&resnet&layer=layer2.0.conv1&do=graph:parameters`],
    ]),
  ),
  "dashboard-graph": "scene=dashboard&do=graph",
  mute: "scene=mute",
  bars: "scene=bars",
  "bars-640": "scene=bars&width=640",
  ...Object.fromEntries(
    [
      ...[
        "nan",
        "large",
        "many",
        "huge",
        "matrix",
        "sequence",
        "tokens",
        "grid",
        "attention",
        "attention.grid",
        "boxes",
      ],
      ...["labels", "image", "volume", "scalar", "text", "thousand", "error", "head.fc2", "flatten", "features.relu1"],
    ].map((layer) => [`viewer-${layer}`, `scene=activation_viewer&width=855&layer=${layer}`]),
  ),
  ...Object.fromEntries(
    ["weights", "gradients", "distribution"].map((tab) => [
      `viewer-tab-${tab}`,
      `scene=activation_viewer&width=855&do=tab:${tab}`,
    ]),
  ),
  "viewer-compare": "scene=activation_viewer&width=855&do=compare",
  "viewer-difference": "scene=activation_viewer&width=855&do=difference",
  "viewer-ablate": "scene=activation_viewer&width=855&do=ablate",
  "viewer-draw": "scene=activation_viewer&width=855&do=draw",
  "viewer-narrow": "scene=activation_viewer&width=520",
  ...Object.fromEntries(
    [330, 520, 610, 760, 1000].flatMap((width) => [
      [`strip-${width}`, `scene=activation_viewer&width=${width}&do=ablate`],
      [`strip-named-${width}`, `scene=activation_viewer&width=${width}&named&do=ablate`],
      [`strip-40-${width}`, `scene=activation_viewer&width=${width}&samples=40&do=ablate`],
    ]),
  ),
  "viewer-330": "scene=activation_viewer&width=330",
  "viewer-330-attention": "scene=activation_viewer&width=330&layer=attention",
};

const wanted = process.argv.slice(2);
const server = await serve(0);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ],
});
const problems = [];
for (const theme of ["light", "dark"]) {
  for (const [name, query] of Object.entries(SCENES)) {
    if (wanted.length && !wanted.some((part) => name.startsWith(part))) continue;
    const width = Number(new URLSearchParams(query).get("width") ?? 1120) + 36;
    const page = await browser.newPage({ viewport: { width, height: 400 }, deviceScaleFactor: 1, colorScheme: theme });
    page.on("console", (message) => message.type() === "error" && problems.push(`${name}: ${message.text()}`));
    page.on("pageerror", (error) => problems.push(`${name}: ${error.message}`));
    await page.goto(`http://127.0.0.1:${server.address().port}/?${query}&theme=${theme}`);
    await page.waitForSelector("body[data-ready]");
    await page.waitForTimeout(name === "mute" ? 1900 : 300);
    await page.screenshot({ path: join(out, `${name}-${theme}.png`), fullPage: true });
    await page.close();
  }
}
await browser.close();
server.close();
for (const problem of problems) console.error(problem);
process.exitCode = problems.length ? 1 : 0;
