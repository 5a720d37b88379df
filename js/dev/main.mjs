// ?scene=…&theme=dark&width=…&layer=…: one page a scene, so that each can be looked at and photographed.

import { FakeModel } from "./fake_model.mjs";
import { digits, resnet } from "./nets.mjs";
import { drawPlot } from "./plot.mjs";
import { Session } from "./session.mjs";

const query = new URLSearchParams(location.search);
const scene = query.get("scene") ?? "dashboard";
document.body.dataset.jpThemeLight = query.get("theme") === "dark" ? "false" : "true";
const stage = document.getElementById("stage");
stage.style.width = `${query.get("width") ?? 1120}px`;

const WIDGETS = [
  ...["training_bar", "epoch_scrubber", "model_map", "activation_viewer", "loss_plot"],
  ...["hyperparameter_sliders", "weight_sliders"],
];
const PLACES = {
  training_bar: "bar",
  epoch_scrubber: "time",
  model_map: "map",
  activation_viewer: "view",
  loss_plot: "loss",
};

function style(name) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: `/static/${name}.css` });
  document.head.append(link);
  return new Promise((done) => link.addEventListener("load", done));
}

async function show(name, model, el) {
  const module = await import(`/static/${name}.js`);
  const widget = await module.default();
  const { signal } = new AbortController();
  await widget.initialize({ model, signal });
  await widget.render({ model, el, signal });
}

function place(parent, ...classes) {
  const box = document.createElement("div");
  box.classList.add("jupyter-widgets", ...classes);
  parent.append(box);
  return box;
}

async function one(session, name, parent, ...classes) {
  const box = place(parent, ...classes);
  if (name !== "loss_plot") return show(name, session.models[name], box);
  box.classList.add("tvw-loss-plot-box");
  await show(name, session.models[name], place(box));
  box.append(drawPlot(box.clientWidth || 700));
}

const OVER = {
  pause: "the loop is about to end",
  step: "the loop is about to end",
  epoch: "the loop is about to end",
  stop: "the loop is about to end",
};
const ERROR =
  "RuntimeError: The size of tensor a (128) must match the size of tensor b (256) at non-singleton dimension 1, in " +
  "features.conv2 of digits_cnn.model.DigitsCNN: expected [64, 128, 8, 8] and found [64, 256, 8, 8] (see the log)";
const BARS = [
  { status: "idle", epoch: 0, step: 0, progress: null, elapsed: 0, seconds_left: null, rate: null, overhead: null },
  { status: "training" },
  { status: "training", progress: null, epochs: null, seconds_left: null, overhead: 0.041 },
  { status: "pausing" },
  { status: "paused" },
  { status: "stopping", unavailable: OVER },
  { status: "finished", progress: 1, epoch: 20, seconds_left: null, unavailable: {} },
  { status: "stopped", seconds_left: null, unavailable: {} },
  { status: "interrupted", seconds_left: null, unavailable: {}, detail: "KeyboardInterrupt" },
  { status: "failed", seconds_left: null, unavailable: {}, detail: ERROR, warnings: ["the disk is full"] },
  { status: "following", unavailable: {}, overhead: null, memory: [] },
  { status: "recorded", seconds_left: null, unavailable: {}, overhead: null, memory: [] },
  { status: "inspected", unavailable: {} },
];

await Promise.all([...WIDGETS, "dashboard"].map(style));
const session = new Session({
  layer: query.get("layer") ?? "features.conv2",
  position: query.has("live") ? null : 1140,
  net: query.has("resnet") ? resnet() : digits(),
});
globalThis.session = session;
if (scene === "mute") for (const model of Object.values(session.models)) model.mute = true;
if (query.has("failed")) {
  const warnings = [
    "the disk is full: recording of snapshots has stopped; training goes on",
    "statistics were switched off",
  ];
  session.models.training_bar.set({
    status: "failed",
    detail: "RuntimeError: mat1 and mat2 shapes cannot be multiplied",
    warnings,
  });
}
if (scene === "dashboard" || scene === "mute") {
  const board = place(stage, "tvw-dashboard");
  const steer = place(board, "tvw-dashboard-steer");
  for (const name of WIDGETS) {
    if (PLACES[name]) await one(session, name, board, `tvw-dashboard-${PLACES[name]}`);
    else await one(session, name, steer);
  }
  board.append(steer);
} else if (scene === "bars") {
  const { training_bar } = session.models;
  const drive = { pause: "", step: "", epoch: "", stop: "" };
  const known = {
    overhead: 0.013,
    overhead_cap: 0.02,
    savings: "",
    memory: [{ place: "host", used: 812e6, total: 16e9 }],
  };
  for (const more of BARS) {
    await show(
      "training_bar",
      new FakeModel({ ...training_bar.traits, ...known, unavailable: drive, ...more }),
      place(stage),
    );
  }
} else if (scene === "all") {
  stage.style.display = "grid";
  stage.style.gap = "14px";
  for (const name of WIDGETS) await one(session, name, stage);
} else {
  await one(session, scene, stage);
}
const ask = (op, args) => session.viewer.answer(op, args);
const [what, argument] = (query.get("do") ?? "").split(":");
const DEEDS = {
  tab: () => ask("look", { changes: { tab: argument } }),
  compare: () => ask("compare", { step: null, sample: 1 }),
  async difference() {
    await ask("compare", { step: null, sample: 1 });
    await ask("look", { changes: { difference: true } });
  },
  async ablate() {
    for (const unit of [11, 4]) await ask("ablate", { unit, method: unit === 4 ? "mean" : "zero" });
    for (const unit of [11, 3]) await ask("pin", { unit, on: true });
  },
  graph: () => session.map.answer("view", { changes: { mode: "graph", by: argument || null } }),
  by: () => session.map.answer("view", { changes: { by: argument, sorted: true } }),
  draw: () => document.querySelectorAll(".tvw-add")[1].click(),
};
if (what) {
  await new Promise((done) => setTimeout(done, 150));
  await DEEDS[what]();
  if (!["draw", "graph", "by"].includes(what)) document.querySelector(".tvw-more").click();
}
document.body.dataset.ready = "true";
