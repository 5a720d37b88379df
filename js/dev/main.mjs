// ?scene=…&theme=dark&width=…&layer=…: one page a scene, so that each can be looked at and photographed.

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
