import { useMemo } from "preact/hooks";
import { LEVELS } from "../../shared/colour";
import { number } from "../../shared/format";

const BINS = 42;

/** Counts of the finite codes in equal bins. */
export function binned(codes: Uint8Array, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const code of codes) {
    if (code >= LEVELS) continue;
    const bin = Math.min(bins - 1, Math.floor((code / LEVELS) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** How the values of one tile are spread between the colour limits. */
export function Histogram({ own, lo, hi }: { own: Uint8Array; lo: number; hi: number }) {
  const counts = useMemo(() => binned(own, BINS), [own]);
  const most = Math.max(1, ...counts);
  return (
    <div class="tvw-histogram" title={`values from ${number(lo, 2)} to ${number(hi, 2)}`}>
      <svg viewBox={`0 0 ${BINS * 5 - 1} 40`} preserveAspectRatio="none" aria-hidden="true">
        <path d={bars(counts.map((n) => (n ? Math.max(1, (n / most) * 40) : 0)))} />
      </svg>
    </div>
  );
}

/** One path of all bars: as elements of their own they would be styled and laid out one by one at every frame. */
function bars(heights: number[]): string {
  return heights.map((height, i) => `M${i * 5} 40v${(-height).toFixed(2)}h4V40z`).join("");
}
