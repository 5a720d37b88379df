// A fake session: seven models that answer each other as the kernel's would.
import { curve, field, quantise } from "./data.mjs";
import { FakeModel } from "./fake_model.mjs";
import { Hyperparameters } from "./hyperparameters.mjs";
import { ModelMap } from "./map.mjs";
import { digits } from "./nets.mjs";
import { Viewer } from "./viewer.mjs";

const PER_EPOCH = 228;

export class Session {
  constructor({ epoch = 7, layer = "features.conv2", position = 5 * PER_EPOCH, net = digits() } = {}) {
    this.layer = layer;
    this.epoch = epoch;
    this.gains = new Map();
    this.picked = null;
    this.undo = [];
    const steps = Array.from({ length: epoch + 1 }, (_, i) => i * PER_EPOCH);
    this.net = net;
    this.map = new ModelMap(this, net, layer);
    this.viewer = new Viewer(this, { layer, typeOf: (path) => this.module(path)?.type ?? "Module" });
    this.models = {
      training_bar: new FakeModel({
        ...{ name: "digits-cnn", run_path: "runs/digits-cnn", status: "training", epoch, epochs: 20, step: 1594 },
        ...{
          progress: 0.34,
          rate: 5120,
          steps_per_second: 80,
          seconds_left: 42,
          elapsed: 22,
          warnings: [],
          detail: "",
        },
        ...{
          overhead: 0.013,
          overhead_cap: 0.02,
          savings: "",
          unavailable: { pause: "", step: "", epoch: "", stop: "" },
        },
        memory: [{ place: "host", used: 812e6, total: 16e9 }],
      }),
      epoch_scrubber: new FakeModel(
        {
          ...{ steps, epochs: steps.map((_, i) => i), position, last_step: 1594 },
          ...{ total_steps: 20 * PER_EPOCH, steps_per_epoch: PER_EPOCH },
          marks: [{ step: 900, kind: "jump", text: "train/loss jumped to 2.1" }],
        },
        (op, args) => this.scrubber(op, args),
      ),
      model_map: this.map.model,
      activation_viewer: this.viewer.model,
      weight_sliders: new FakeModel({ layer, mode: "preview", can_live: true, reset_optimizer: false }, (op, args) =>
        this.sliders(op, args),
      ),
      hyperparameter_sliders: new Hyperparameters().model,
      loss_plot: new FakeModel(
        {
          ...{ groups: ["loss", "accuracy"], group: "loss", scale: "linear", axis: "step", smoothing: 0.6 },
          legend: [
            { name: "train/loss", value: "0.142", colour: "accent", line: 0 },
            { name: "val/loss", value: "0.184", colour: "warm", line: 1 },
          ],
        },
        (op, args) => {
          if (op in { group: 1, scale: 1, axis: 1, smoothing: 1 }) this.models.loss_plot.set(args);
        },
      ),
    };
  }

  module(path) {
    return this.net.modules.find((module) => module.path === path);
  }

  get step() {
    const { position, steps } = this.models.epoch_scrubber.traits;
    return position ?? steps.at(-1);
  }

  scrubber(op, { step }) {
    if (op === "move") {
      this.models.epoch_scrubber.set({ position: step });
      this.frame();
    }
    if (op === "hello") this.curve();
  }

  curve() {
    const { x, y } = curve(300, 1594, 3);
    this.models.epoch_scrubber.push("curve", { name: "train/loss", count: x.length }, [x, y]);
  }

  select(layer) {
    this.layer = layer;
    this.picked = null;
    for (const name of ["model_map", "activation_viewer", "weight_sliders"]) this.models[name].set({ layer });
    this.viewer.model.set({ unit: null });
    this.frame();
    this.weights();
  }

  frame() {
    this.viewer.frame();
  }

  sliders(op, args) {
    const key = args.tensor;
    if (op === "mode") this.models.weight_sliders.set(args);
    const gain = op === "edit" && args.change === "gain";
    if (gain && args.done) this.undo.push([key, this.gains.get(key) ?? 1]);
    if (gain) this.gains.set(key, args.value);
    if (op === "pick") this.picked = { tensor: key, row: args.row, col: args.col, value: 0.1431 };
    if (op === "edit" && args.change === "set") this.picked.value = args.value;
    if (op === "undo") this.gains.set(...this.undo.pop());
    if (op === "reset") {
      this.gains.clear();
      this.undo = [];
    }
    if (op !== "presence") this.weights();
  }

  weights() {
    const row = this.module(this.layer);
    const has = row && row.parameters > 0 && !this.map.boxes.includes(row.path);
    const sizes = has
      ? [
          ["weight", [32, 16, 3, 3], 16, 72],
          ["bias", [32], 1, 32],
        ]
      : [];
    const tensors = sizes.map(([name, shape, r, c]) => ({
      ...{ name: `${this.layer}.${name}`, shape, rows: r, cols: c, rows_total: r, cols_total: c, lo: -0.42, hi: 0.42 },
      ...{ values: { gain: this.gains.get(`${this.layer}.${name}`) ?? 1 }, reach: 0.42, dtype: "float32" },
      ...{ parts: [], frozen: false, editable: true, note: null },
    }));
    const arrays = tensors.map((t, i) =>
      quantise(
        field(i + 4, t.rows, t.cols, 0.7).map((v) => v * 0.2 * t.values.gain),
        -0.42,
        0.42,
      ),
    );
    const picked = this.picked && { ...this.picked, index: [11, 3, 0, 2], lo: -0.6, hi: 0.6 };
    const moved = [...this.gains.values()].some((gain) => gain !== 1);
    const probe = {
      changes: [],
      loss_before: 0.184,
      loss_after: moved ? 0.231 : 0.184,
      changed: moved ? 2 : 0,
      count: 8,
    };
    const { mode } = this.models.weight_sliders.traits;
    const counts = { undo: this.undo.length, redo: 0, edits: moved ? this.gains.size : 0 };
    this.models.weight_sliders.push(
      "weights",
      {
        tensors,
        picked,
        ...counts,
        probe,
        step: this.step,
        live: mode === "live",
        error: has ? null : "This layer has no weights of its own; select one that has.",
      },
      arrays,
    );
  }
}
