// The kernel's half of the model map, without a kernel.
import { noise, random } from "./data.mjs";
import { FakeModel } from "./fake_model.mjs";

const TRENDS = [
  { value: "weights", label: "weight norm" },
  { value: "gradients", label: "gradient norm" },
];

export class ModelMap {
  constructor(session, net, layer) {
    this.session = session;
    this.net = net;
    this.boxes = net.modules.filter(({ path }) => net.nodes.some(({ parent }) => parent === path)).map((m) => m.path);
    this.model = new FakeModel(
      {
        ...{ rows: this.rows(), layer, trends_known: TRENDS, opened: this.boxes.length < 8 ? this.boxes : [""] },
        view: { mode: "tree", by: null, sorted: false, trend: "weights" },
      },
      (op, args) => this.answer(op, args),
    );
  }

  rows() {
    return this.net.modules.map(({ path, name, type, depth, shape, parameters, kind = "module" }, i) => {
      const own = parameters && !this.boxes.includes(path);
      const side = Math.round(Math.sqrt(parameters));
      const weights = [
        { name: "weight", shape: [side, side], dtype: "float32", trainable: i % 9 !== 4 },
        { name: "bias", shape: [side], dtype: "float32", trainable: true },
      ];
      return {
        ...{ path, name, type, depth, shape, parameters, kind, bytes: 4 * parameters },
        ...{ frozen: own && i % 9 === 4 ? "all" : "no", idle: i % 13 === 12, foldable: this.boxes.includes(path) },
        ...{ calls: i % 11 === 3 ? 2 : 1, note: "", tied: [], weights: own ? weights : [] },
      };
    });
  }

  async answer(op, args) {
    const { traits } = this.model;
    if (op === "part") {
      const code = await fetch("/static/model_map_more.js");
      return { arrays: [new Uint8Array(await code.arrayBuffer())] };
    }
    if (op === "select") this.session.select(args.layer);
    if (op === "view") this.model.set({ view: { ...traits.view, ...args.changes } });
    if (op === "open") {
      const around = (key) => this.boxes.filter((box) => box === "" || key.startsWith(`${box}.`));
      const opened = args.open
        ? new Set([...traits.opened, ...args.keys, ...args.keys.flatMap(around)])
        : new Set(traits.opened.filter((key) => !args.keys.includes(key)));
      this.model.set({ opened: [...opened] });
    }
    if (["hello", "view", "open"].includes(op)) this.push();
    return {};
  }

  push() {
    const { view } = this.model.traits;
    const draw = random(5);
    const paths = this.net.modules.filter(({ kind }) => kind !== "function").map(({ path }) => path);
    let y = 0;
    const trend = Float32Array.from({ length: paths.length * 12 }, () => (y += noise(draw) * 0.4));
    this.model.push("trends", { what: view.trend, paths, columns: 12 }, [trend]);
    this.model.push("marks", {
      marks: [
        { path: paths[4], kind: "dead", text: "98.4 % of its output on the probe is zero" },
        { path: paths.at(-1), kind: "nan", text: "weight is not finite" },
      ],
    });
    if (view.by) this.measure(view.by);
    if (view.mode === "graph") this.model.push("graph", this.graph());
  }

  measure(by) {
    const { modules } = this.net;
    const values = Float32Array.from(modules, ({ parameters }) => (by === "seconds" ? parameters / 3e8 : parameters));
    const leaves = values.filter((_, i) => !this.boxes.includes(modules[i].path));
    const unit = { seconds: "s", macs: "MAC", memory: "B" }[by] ?? "";
    const about = { by, unit, lo: 0, hi: Math.max(...leaves), paths: modules.map(({ path }) => path) };
    this.model.push("measure", about, [values]);
  }

  graph() {
    const opened = new Set(this.model.traits.opened);
    const isOpen = (key) => this.boxes.includes(key) && opened.has(key);
    const by = new Map(this.net.nodes.map((node) => [node.key, node]));
    const shown = (key) => {
      let found = key;
      for (let at = by.get(key); at; at = by.get(at.parent))
        if (at.parent !== null && !isOpen(at.parent)) found = at.parent;
      return found;
    };
    const nodes = this.net.nodes
      .filter(({ key }) => shown(key) === key)
      .map((node) => ({ ...node, open: isOpen(node.key), foldable: this.boxes.includes(node.key) }));
    const edges = this.net.edges
      .map((edge) => ({ ...edge, source: shown(edge.source), target: shown(edge.target) }))
      .filter(({ source, target }) => source !== target);
    return { nodes, edges, error: null };
  }
}
