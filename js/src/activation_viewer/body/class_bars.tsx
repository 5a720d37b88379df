import { number } from "../../shared/format";
import { useAsk } from "../exact";
import { ablated } from "./marks";
import type { PanelProps } from "./props";
import { UnitTools } from "./unit_tools";
import { vectorValues } from "./vector";

const MOST = 10;

/** Softmax of logits; what is not finite takes no share. */
export function softmax(logits: ArrayLike<number>): number[] {
  const all = Array.from(logits);
  const top = all.reduce((a, b) => (Number.isFinite(b) && b > a ? b : a), Number.NEGATIVE_INFINITY);
  const weights = all.map((value) => (Number.isFinite(value) ? Math.exp(value - top) : 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (total ? weight / total : 0));
}

/** The indices of the `most` largest values, largest first. */
export function topK(values: ArrayLike<number>, most: number): number[] {
  const rank = (i: number) => (Number.isNaN(values[i] ?? Number.NaN) ? Number.NEGATIVE_INFINITY : (values[i] ?? 0));
  return Array.from(values, (_, i) => i)
    .sort((a, b) => rank(b) - rank(a) || a - b)
    .slice(0, most);
}

/** The model's output: its classes, most likely first. */
export function ClassBars(props: PanelProps & { classes: string[] }) {
  const { classes, push, units, state, act } = props;
  useAsk(units, 0, push.seq);
  const logits = vectorValues(props);
  const shares = softmax(logits);
  const best = topK(logits, MOST);
  const { correct } = (push.value.own ? null : push.value.predictions?.[push.value.sample]) ?? { correct: null };
  const rest = classes.length - best.length;
  const off = ablated(state, push.value.key);
  const chosen = state.unit !== null && state.unit < classes.length ? state.unit : null;
  return (
    <div
      class="tvw-classes"
      data-testid="tvw-classes"
      data-frame={push.seq}
      data-step={push.value.step}
      data-layer={push.value.layer}
      data-panel={props.index}
    >
      <div class="tvw-caption">
        {rest > 0
          ? `${best.length} most likely of ${classes.length.toLocaleString("en-US")} classes`
          : `${classes.length} classes`}
        <span>softmax of the logits</span>
      </div>
      {best.map((index, place) => (
        <button
          type="button"
          class="tvw-class"
          key={index}
          title={`logit ${number(logits[index], 5)}`}
          aria-pressed={index === chosen}
          data-class={index}
          data-wrong={place === 0 && correct === false}
          data-off={off.has(index)}
          onClick={() => act.unit(index)}
        >
          <span class="tvw-class-name">{classes[index]}</span>
          <span class="tvw-class-track">
            <b style={{ width: `${(shares[index] ?? 0) * 100}%` }} />
          </span>
          <span class="tvw-mono">{((shares[index] ?? 0) * 100).toFixed(1)} %</span>
          <span class="tvw-mono tvw-class-logit">{number(logits[index], 3)}</span>
        </button>
      ))}
      {chosen !== null && <UnitTools {...props} unit={chosen} />}
    </div>
  );
}
