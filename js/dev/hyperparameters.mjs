// Fake hyperparameters: an AdamW of two groups with a scheduler, and two Dropouts.
import { FakeModel } from "./fake_model.mjs";

const KINDS = [
  { what: "lr", scale: "log", value: 1e-3, lo: 1e-6, hi: 0.1, main: true, scheduler: "OneCycleLR" },
  { what: "betas[0]", scale: "near one", value: 0.9, lo: 0, hi: 0.9999, main: true },
  { what: "betas[1]", scale: "near one", value: 0.999, lo: 0, hi: 0.9999, main: true },
  { what: "eps", scale: "log", value: 1e-8, lo: 1e-11, hi: 1e-6, main: false },
  { what: "weight_decay", scale: "log", value: 0.01, lo: 1e-5, hi: 1, main: true },
  { what: "amsgrad", scale: "switch", value: false, lo: 0, hi: 1, main: false },
];
const PLAIN = { held: false, wished: null, remark: "", scheduler: "" };

function group(where, about) {
  return KINDS.map(({ what, ...rest }) => ({
    ...PLAIN,
    ...{ name: `${where}/${what}`, label: what, section: `AdamW · ${where}`, about, first: rest.value },
    ...rest,
  }));
}

function dropout(name, label, value, main = false) {
  const about = { section: "Dropout", about: "", scale: "linear", lo: 0, hi: 1, first: 0.25 };
  return { ...PLAIN, ...about, name, label, value, main };
}

export class Hyperparameters {
  constructor() {
    const rows = [
      ...group("group 0", "12 tensors: features.conv1.weight, features.conv1.bias, …"),
      ...group("head", "4 tensors: head.fc1.weight, head.fc1.bias, …"),
      ...[dropout("dropout", "all 2", null, true), dropout("a/dropout", "a", 0.25), dropout("b/dropout", "b", 0.5)],
    ];
    const remark = "OneCycleLR set group 0/lr back to 0.0012";
    rows[0] = { ...rows[0], remark, wished: 0.005 };
    const changes = [
      { step: 900, text: "group 0/lr 0.001 → 0.005", by: "user" },
      { step: 901, text: "group 0/lr 0.005 → 0.0012", by: "OneCycleLR" },
    ];
    this.model = new FakeModel({ rows, changes, undoable: 1, why_empty: "", folded: true }, (op, args) =>
      this.answer(op, args),
    );
  }

  answer(op, args) {
    if (op === "fold") this.model.set(args);
    if (op === "set") this.change(args.name, { value: args.value, remark: "", wished: null });
    if (op === "hold") this.change(args.name, { held: args.held, remark: "", wished: null });
  }

  change(name, changes) {
    this.model.set({ rows: this.model.get("rows").map((row) => (row.name === name ? { ...row, ...changes } : row)) });
  }
}
