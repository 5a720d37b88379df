// What the viewer says in words.
import { epochs, number, percent } from "../shared/format";
import type { Frame, Picture, Prediction } from "./frame";
import { unitWord } from "./picture";

/** Conv2d · 32×8×8 · mean 0.21 · σ 0.48 · 9 % zero */
export function facts(type: string, picture: Picture | null): string {
  if (!picture) return type;
  const parts = [type, picture.shape.join("×") || "scalar"];
  if (picture.mean !== null) parts.push(`mean ${number(picture.mean, 2)}`);
  if (picture.std !== null) parts.push(`σ ${number(picture.std, 2)}`);
  if (picture.total > 0 && picture.tiles[0] > 0) parts.push(`${percent(picture.zeros)} zero`);
  return parts.filter(Boolean).join(" · ");
}

/** live · epoch 5 · probe loss 0.184 → 0.231, or what there is of it */
export function when({ live, epoch, step, loss, loss_before: before }: Frame): string {
  const parts = live ? ["live"] : [];
  parts.push(epoch === null ? `step ${step.toLocaleString("en-US")}` : `epoch ${epochs(epoch)}`);
  const was = before !== null && before !== undefined && number(loss) !== number(before) ? `${number(before)} → ` : "";
  if (loss !== null) parts.push(`probe loss ${was}${number(loss)}`);
  return parts.join(" · ");
}

/** 32 channels, or 64 of 2,048 channels */
export function shown(picture: Picture): string {
  if (picture.kind === "scalar") return "1 value";
  if (picture.total === 1 && !picture.axes[0]) return `${picture.shape.join(" × ")} values`;
  const total = picture.total.toLocaleString("en-US");
  const word = unitWord(picture);
  const words = picture.total === 1 ? word : word === "class" ? "classes" : `${word}s`;
  const some = picture.shown.toLocaleString("en-US");
  return picture.shown < picture.total ? `${some} of ${total} ${words}` : `${total} ${words}`;
}

/** One sample's caption under its thumbnail, and whether the model has it wrong. */
export function verdict(index: number, label: string | null, prediction: Prediction | undefined) {
  if (!prediction) return { text: label ?? `#${index}`, wrong: false };
  if (prediction.correct === null) return { text: prediction.text, wrong: false };
  if (prediction.correct) return { text: `${label ?? prediction.text} ✓`, wrong: false };
  return { text: `${label ?? "?"} → ${prediction.text}`, wrong: true };
}

/** was 5, or 93→41 %: what an ablation or a previewed edit does to a prediction. */
export function change(before: Prediction | undefined, after: Prediction | undefined): string {
  if (!before || !after) return "";
  if (before.text !== after.text) return `was ${before.text}`;
  if (before.probability === null || after.probability === null) return "";
  const [from, to] = [before.probability, after.probability].map((share) => (share * 100).toFixed(0));
  return from === to ? "" : `${from}→${to} %`;
}

/** 2 of 8 predictions change */
export function changes({ before, predictions }: Frame): string {
  if (!before || !predictions) return "";
  const n = before.filter((one, i) => one.text !== predictions[i]?.text).length;
  return n ? `${n} of ${before.length} predictions change` : "no prediction changes";
}

/** Said of what is drawn over the epochs while the frame beside it is of a changed model. */
export function asRecorded(frame: Frame | null): string {
  return frame?.changed ? "as recorded, without ablation or preview" : "";
}

/** The live text summary for who cannot see the canvas. */
export function summary(frame: Frame, labels: (string | null)[]): string {
  if (frame.error) return `${frame.layer}: ${frame.error.reason}`;
  const { text, wrong } = verdict(frame.sample, labels[frame.sample] ?? null, frame.predictions?.[frame.sample]);
  const about = facts(frame.type, frame.panels[0]?.picture ?? null);
  const input = frame.own ? "own input" : `sample ${frame.sample}: ${text}${wrong ? ", wrong" : ""}`;
  return [frame.layer, about, when(frame), input, changes(frame)].filter(Boolean).join(", ");
}
