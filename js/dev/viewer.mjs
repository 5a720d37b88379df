// The fake kernel's side of the activation viewer: a layer for every kind of picture.
import { concat, field, maps, noise, picture, quantise, random, vector } from "./data.mjs";
import { FakeModel } from "./fake_model.mjs";

const CLASSES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const THOUSAND = Array.from(
  { length: 1000 },
  (_, i) => `${["tabby cat", "mountain bike", "daisy", "church"][i % 4]} ${i}`,
);
const QUERY = new URLSearchParams(location.search);
const COUNT = Number(QUERY.get("samples") ?? 8);
const named = (i, digit) => (QUERY.has("named") ? THOUSAND[i] : digit);
const WORDS = "the quick brown fox jumps over the lazy dog and sleeps .".split(" ");
const LENS = {
  ...{ tab: "activations", key: null, parameter: null, of: "loss", scope: "epochs", limits: "robust", sort: "index" },
  ...{ since: null, alive: false, kind: null, difference: false, input: "probe", spread: "activations" },
};

function softmaxRows(rows, columns, seed, causal, diagonal) {
  const draw = random(seed);
  const values = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    let total = 0;
    for (let column = 0; column < columns; column++) {
      const near = Math.exp(-(((row - column + diagonal) / (columns / 6)) ** 2)) * 3;
      const weight = causal && column > row ? 0 : Math.exp(noise(draw) * 1.4 + near);
      values[row * columns + column] = weight;
      total += weight;
    }
    for (let column = 0; column < columns; column++) values[row * columns + column] /= total;
  }
  return values;
}

function attention(heads, size, seed, extra, causal = false) {
  const parts = Array.from({ length: heads }, (_, i) => softmaxRows(size, size, seed + 7 * i, causal, i - heads / 2));
  const about = { axes: ["head", "query", "key"], lead: [heads], total: heads, shown: heads, ...extra };
  return picture("attention", concat(parts), [heads, size, size], [heads, size, size], about);
}

function boxes() {
  const values = Float32Array.of(0.6, 1.2, 4.3, 6.1, 3.1, 0.4, 7.4, 3.2, 2.2, 4.4, 6.8, 7.7);
  return picture("boxes", values, [1, 3, 4], [3, 4], { axes: ["", "box", "coordinate"] });
}

function labels() {
  const values = Float32Array.from({ length: 32 * 48 }, (_, i) => {
    const [x, y] = [i % 48, Math.floor(i / 48)];
    if ((x - 14) ** 2 + (y - 16) ** 2 < 80) return 3;
    return (x - 34) ** 2 + (y - 18) ** 2 < 50 ? 7 : 0;
  });
  const found = picture("labels", values, [1, 32, 48], [32, 48], {
    ...{ axes: ["", "row", "column"], lo: 0, hi: 250, dtype: "int64" },
    categories: [0, 3, 7].map((one) => [one, values.filter((v) => v === one).length]),
  });
  return { ...found, codes: Uint8Array.from(values) };
}

function grid(features, side, seed) {
  const found = maps(features, side, seed);
  const prefix = picture("tokens", field(seed + 5, 1, features, 0.8), [1, 1, features], [1, features], {
    axes: ["", "token", "feature"],
  });
  const about = { kind: "tokens", axes: ["feature", "row", "column"], grid: [side, side], prefix: prefix.picture };
  return { ...found, picture: { ...found.picture, ...about }, prefix: prefix.codes };
}

function image(seed) {
  const values = concat(
    [0, 1, 2].map((i) => field(seed + i, 32, 32).map((v) => Math.min(1, Math.max(0, 0.5 + v * 0.3)))),
  );
  const found = picture("image", values, [3, 32, 32], [3, 32, 32], { axes: ["colour", "row", "column"], lo: 0, hi: 1 });
  return { ...found, codes: quantise(values, 0, 1) };
}

function volume(seed) {
  const found = maps(24, 20, seed);
  const about = { kind: "volume", axes: ["slice", "row", "column"], lead: [2, 12], shape: [2, 12, 20, 20] };
  return { ...found, picture: { ...found.picture, ...about } };
}

/** What the layers beyond the digits CNN's own are. */
const LAYERS = {
  nan(seed) {
    const broken = maps(32, 8, seed);
    for (let i = 0; i < 900; i++) broken.values[i * 2 + 130] = [NaN, NaN, Infinity, -Infinity][i % 4];
    return { type: "Conv2d", ...picture("maps", broken.values, [32, 8, 8], [32, 8, 8]) };
  },
  large: (seed) => ({ type: "Conv2d", ...maps(64, 112, seed, { relu: true, spread: 0.02 }) }),
  many: (seed) => ({ type: "Conv2d", ...maps(512, 7, seed) }),
  huge: (seed) => ({ type: "Conv2d", ...maps(2048, 7, seed, { relu: true }) }),
  matrix: (seed) => ({
    type: "LayerNorm",
    ...picture("matrix", field(seed, 50, 192, 0.6), [1, 50, 192], [50, 192], { axes: ["", "row", "column"] }),
  }),
  sequence: (seed) => ({
    type: "LSTM",
    ...picture("sequence", field(seed, 28, 64, 0.5), [1, 28, 64], [28, 64], { axes: ["", "time step", "unit"] }),
  }),
  tokens: (seed) => ({
    ...{ type: "Embedding", tokens: { rows: WORDS, columns: WORDS } },
    ...picture("tokens", field(seed, 12, 96, 0.7), [1, 12, 96], [12, 96], { axes: ["", "token", "feature"] }),
  }),
  grid: (seed) => ({ type: "EncoderBlock", ...grid(96, 14, seed) }),
  attention: (seed) => ({
    ...{ type: "MultiheadAttention", tokens: { rows: WORDS, columns: WORDS } },
    ...{ attention: { recomputed: true, causal: true }, ...attention(8, 12, seed, {}, true) },
  }),
  "attention.grid": (seed) => ({
    ...{ type: "MultiheadAttention", attention: { recomputed: true, causal: false } },
    ...attention(12, 65, seed, { grid: [8, 8] }),
  }),
  boxes: () => ({ type: "FasterRCNN", ...boxes() }),
  labels: () => ({ type: "FCN", ...labels() }),
  image: (seed) => ({ type: "Decoder", ...image(seed) }),
  volume: (seed) => ({ type: "Conv3d", ...volume(seed) }),
  scalar: () => ({ type: "Mean", ...picture("scalar", Float32Array.of(0.123456), [1, 1, 1], []) }),
  text: () => ({
    type: "Tokenizer",
    ...picture("text", new Float32Array(), [0, 0, 0], [], { text: "('a', 'b')", total: 0 }),
  }),
  thousand: (seed) => ({ type: "Linear", ...vector(1000, seed), classes: THOUSAND }),
  error: () => ({ type: "Embedding" }),
};

function content(layer, seed, type) {
  if (LAYERS[layer]) return LAYERS[layer](seed);
  if (layer === "features.conv1") return { type, ...maps(16, 8, seed) };
  if (layer === "features.relu1") return { type, ...maps(16, 8, seed, { relu: true }) };
  if (layer === "features.relu2") return { type, ...maps(32, 8, seed, { relu: true }) };
  if (layer === "features.pool" || layer.startsWith("residual")) return { type, ...maps(32, 4, seed, { relu: true }) };
  if (layer === "flatten") return { type, ...vector(512, seed) };
  if (layer === "head.fc2" || layer === "head") return { type, ...vector(10, seed), classes: CLASSES };
  if (layer.startsWith("head")) return { type, ...vector(128, seed) };
  return { type, ...maps(32, 8, seed) };
}

export class Viewer {
  constructor(session, { layer, typeOf }) {
    this.session = session;
    this.typeOf = typeOf;
    this.model = new FakeModel(
      {
        ...{ layer, sample: 3, unit: 11, lens: LENS, ablations: [], pins: [], against: null, own: null },
        ...{
          outlets: [{ key: layer, label: "", shape: "32×8×8", attention: false }],
          drawable: { height: 8, width: 8 },
        },
        parameters: [
          { name: "weight", shape: "32×16×3×3" },
          { name: "bias", shape: "32" },
        ],
      },
      (op, args, buffers) => this.answer(op, args, buffers),
    );
  }

  get traits() {
    return this.model.traits;
  }

  /** What a look, an ablation, a pin or another input changes. */
  async answer(op, args, buffers) {
    const { traits, model } = this;
    if (op === "part")
      return { arrays: [new Uint8Array(await (await fetch("/static/activation_viewer_more.js")).arrayBuffer())] };
    if (op === "hello") this.samples();
    if (op === "values") return this.values(args);
    if (op === "look") model.set({ lens: { ...traits.lens, ...args.changes } });
    if (op in { sample: 1, unit: 1 }) model.set(args);
    if (op === "ablate") {
      const rest = traits.ablations.filter(({ unit }) => unit !== args.unit);
      const one = { key: traits.layer, unit: args.unit, axis: "channel", method: args.method };
      model.set({ ablations: args.method ? [...rest, one] : rest });
    }
    if (op === "ablate_reset") model.set({ ablations: [] });
    if (op === "pin") {
      const rest = traits.pins.filter(({ unit }) => unit !== args.unit);
      model.set({ pins: args.on ? [...rest, { key: traits.layer, unit: args.unit }] : rest });
      this.pins();
    }
    if (op === "compare") {
      const label = args.sample === null ? `epoch ${args.step}` : `sample ${args.sample}`;
      model.set({ against: args.step === null && args.sample === null ? null : { ...args, label } });
    }
    if (op === "draw" || op === "upload") {
      this.ink = buffers?.[0];
      model.set({
        own: { label: "drawing", note: "8×8 grey", ...{ height: 8, width: 8, channels: 1 } },
        lens: { ...traits.lens, input: "own" },
      });
      this.samples();
    }
    if (op === "forget_input") {
      model.set({ own: null, lens: { ...traits.lens, input: "probe" } });
      this.samples();
    }
    if (op !== "presence") this.frame();
  }

  values({ panel, unit }) {
    const { picture: shown, values } = this.now[panel];
    const [, height, width] = shown.tiles;
    return { value: { height, width }, arrays: [values.slice(unit * height * width, (unit + 1) * height * width)] };
  }

  samples() {
    const [side, own] = [8, this.traits.own];
    const rgb = new Uint8Array((COUNT + 1) * side * side * 3);
    for (let i = 0; i < COUNT; i++) {
      for (const [k, v] of field(900 + i, side, side).entries()) {
        rgb.fill(Math.max(0, Math.min(255, 128 + v * 90)), (i * 64 + k) * 3, (i * 64 + k) * 3 + 3);
      }
    }
    if (own && this.ink)
      for (const [k, v] of new Uint8Array(this.ink).entries())
        rgb.fill(v, (64 * COUNT + k) * 3, (64 * COUNT + k) * 3 + 3);
    const digits = ["3", "8", "5", "5", "0", "1", "7", "2"];
    const labels = Array.from({ length: COUNT }, (_, i) => named(i, digits[i % 8]));
    this.model.push("samples", { count: COUNT, height: side, width: side, labels, own: Boolean(own) }, [rgb]);
  }

  seed(sample = this.traits.sample, step = this.session.step) {
    return this.traits.layer.length * 97 + step + 13 * sample;
  }

  /** The panels of the tab, with their buffers. */
  shown() {
    const { lens, layer, against, sample } = this.traits;
    const type = this.typeOf(layer);
    const step = this.session.step;
    if (lens.tab === "weights") {
      const kernels = maps(64, 3, 5, { spread: 1 });
      const about = { axes: ["kernel", "row", "column"], lead: [8, 8], shape: [8, 8, 3, 3] };
      return [{ ...kernels, picture: { ...kernels.picture, ...about }, type, title: "", step, sample }];
    }
    const first = {
      ...content(layer, this.seed() + (lens.tab === "gradients" ? 999 : 0), type),
      title: "",
      step,
      sample,
    };
    if (!against || !first.picture) return [first];
    const other = content(layer, this.seed(against.sample ?? sample, against.step ?? step), type);
    if (lens.difference) {
      const values = first.values.map((v, i) => v - other.values[i]);
      const { kind, tiles, shape, axes, lead, total } = first.picture;
      return [
        {
          ...first,
          ...picture(kind, values, tiles, shape, { axes, lead, total }),
          title: `sample ${sample} − ${against.label}`,
        },
      ];
    }
    return [
      { ...first, title: against.sample === null ? `epoch ${step}` : `sample ${sample}` },
      { ...other, title: against.label, step: against.step ?? step, sample: against.sample ?? sample },
    ];
  }

  frame() {
    const { traits } = this;
    const all = this.shown();
    const [first] = all;
    this.now = all;
    const buffers = [];
    const add = (data) => buffers.push(data) - 1;
    const panels = all
      .filter((one) => one.picture)
      .map((one) => ({
        ...{ title: one.title, picture: one.picture, codes: add(one.codes), step: one.step, sample: one.sample },
        exact: one.picture.kind === "vector" ? add(one.values) : null,
        prefix: one.prefix ? add(one.prefix) : null,
      }));
    const digits = ["3", "8", "5", "9", "0", "1", "7", "2"];
    const predictions = Array.from({ length: COUNT + (traits.own ? 1 : 0) }, (_, i) => ({
      text: named(i === 3 ? 7 : i, digits[i % 8]),
      correct: i >= COUNT ? null : i !== 3,
      probability: 0.93 - (i % 8) * 0.02,
    }));
    const off = traits.ablations.length > 0;
    const after = predictions.map((one, i) =>
      off ? { ...one, probability: one.probability * 0.7, ...(i === 1 ? { text: "3", correct: false } : {}) } : one,
    );
    const error = panels.length
      ? null
      : {
          reason: "This layer was never called on the probe.",
          remedy: "Pass a probe that reaches it: watch(model, probe=...).",
        };
    const { position } = this.session.models.epoch_scrubber.traits;
    this.model.push(
      "frame",
      {
        ...{ layer: traits.layer, key: traits.layer, type: first.type, tab: traits.lens.tab, step: this.session.step },
        ...{ epoch: this.session.step / 228, live: position === null, sample: traits.sample, panels, error },
        ...{ changed: off, own: traits.lens.input === "own", predictions: after, before: off ? predictions : null },
        ...{ loss: off ? 0.412 : 0.184, loss_before: off ? 0.184 : null, classes: first.classes ?? null, dead: 3 },
        ...{ tokens: first.tokens ?? null, attention: first.attention ?? null },
        code: `session.activations("${traits.layer}", epoch=5)[3]`,
      },
      buffers,
    );
    if (traits.lens.tab === "distribution") this.ridges();
  }

  ridges() {
    const [rows, bins] = [21, 64];
    const counts = new Float32Array(rows * bins);
    const draw = random(3);
    for (let row = 0; row < rows; row++) {
      const wide = 6 + row * 0.5;
      for (let i = 0; i < bins; i++) {
        counts[row * bins + i] = Math.exp(-(((i - 24 - row * 0.5) / wide) ** 2)) * (1 + 0.1 * noise(draw));
      }
      const total = counts.subarray(row * bins, (row + 1) * bins).reduce((a, b) => a + b, 0);
      for (let i = 0; i < bins; i++) counts[row * bins + i] /= total;
    }
    const steps = Array.from({ length: rows }, (_, i) => i * 228);
    this.model.push(
      "ridges",
      {
        ...{ key: this.traits.layer, what: "activations", steps, epochs: steps.map((_, i) => i), lo: -2.1, hi: 3.4 },
        ...{ bins, done: true, at: 5 },
      },
      [counts],
    );
  }

  pins() {
    const { pins, layer } = this.traits;
    const steps = Array.from({ length: 8 }, (_, i) => i * 228);
    const values = concat(
      pins.flatMap(({ unit }) => {
        const draw = random(unit + 1);
        const mean = Float32Array.from(steps, (_, i) => 0.2 * i + noise(draw) * 0.3);
        return [mean, mean.map((v) => v - 0.8), mean.map((v) => v + 1.1)];
      }),
    );
    const named = pins.map(({ unit }) => ({ key: layer, unit, label: `${layer} channel ${unit}` }));
    this.model.push("pins", { pins: named, steps, epochs: steps.map((_, i) => i), done: true }, [values]);
  }
}
