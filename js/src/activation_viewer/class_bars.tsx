import { number } from "../shared/format";
import { type VectorProps, vectorValues } from "./bars";
import { useAsk } from "./exact";

const MOST = 10;

/** Softmax of logits; what is not finite takes no share. */
export function softmax(logits: Float32Array): number[] {
  const finite = [...logits].filter(Number.isFinite);
  const top = finite.length ? Math.max(...finite) : 0;
  const weights = [...logits].map((value) => (Number.isFinite(value) ? Math.exp(value - top) : 0));
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
export function ClassBars(props: VectorProps & { classes: string[] }) {
  const { classes, push, exact } = props;
  useAsk(exact, 0, push.seq);
  const logits = vectorValues(props);
  const shares = softmax(logits);
  const best = topK(logits, MOST);
  const { correct } = push.value.predictions?.[push.value.sample] ?? { correct: null };
  const rest = classes.length - best.length;
  return (
    <div class="tvw-classes" data-testid="tvw-classes" data-frame={push.seq} data-step={push.value.step}>
      <div class="tvw-caption">
        {rest > 0 ? `${best.length} most likely of ${classes.length} classes` : `${classes.length} classes`}
        <span>softmax of the logits</span>
      </div>
      {best.map((index, place) => (
        <div
          class="tvw-class"
          key={index}
          title={`logit ${number(logits[index], 5)}`}
          data-wrong={place === 0 && correct === false}
        >
          <span class="tvw-class-name">{classes[index]}</span>
          <span class="tvw-class-track">
            <b style={{ width: `${(shares[index] ?? 0) * 100}%` }} />
          </span>
          <span class="tvw-mono">{((shares[index] ?? 0) * 100).toFixed(1)} %</span>
          <span class="tvw-mono tvw-class-logit">{number(logits[index], 3)}</span>
        </div>
      ))}
    </div>
  );
}
