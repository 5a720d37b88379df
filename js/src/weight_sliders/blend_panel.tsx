import { useEffect } from "preact/hooks";
import { number } from "../shared/format";
import { usePush } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import { Select } from "../shared/parts";
import type { Link } from "../shared/wire";
import { Slider } from "./slider";
import { type Blended, shortName } from "./weights";

interface Props {
  link: Link;
  latest: Latest;
  /** names of the tensors on show */
  tensors: string[];
}

/** The weights moved toward those of a snapshot, and the probe's loss all along the way. */
export function BlendPanel({ link, latest, tensors }: Props) {
  const push = usePush<Blended>(link, "blend");
  useEffect(() => {
    void latest.send("blend", { tensor: "" });
    return () => void latest.send("blend", { tensor: null });
  }, [latest]);
  if (!push) return <div class="tvw-sliders-list" />;
  const { tensor, toward, value, choices, points, trouble } = push.value;
  const named = tensor && !tensors.includes(tensor) ? [tensor, ...tensors] : tensors;
  const whats = [
    { value: "", label: "the whole model" },
    ...named.map((name) => ({ value: name, label: shortName(name) })),
  ];
  const towards = choices.map(({ step, text }) => ({ value: String(step), label: text }));
  const there = choices.find(({ step }) => step === toward)?.text ?? `step ${toward}`;
  return (
    <div class="tvw-sliders-list tvw-blend">
      <div class="tvw-tools-row">
        <span>Blend</span>
        <Select
          label="what is blended"
          options={whats}
          value={tensor}
          choose={(name) => latest.send("blend", { tensor: name, toward })}
        />
        <span>toward</span>
        <Select
          label="the snapshot blended toward"
          options={towards}
          value={String(toward)}
          choose={(step) => latest.send("blend", { tensor, toward: Number(step) })}
        />
      </div>
      <Way points={points} value={value} there={there} />
      <Slider
        key={`${tensor} ${toward}`}
        label="blend"
        title={`0 %: as it is here · 100 %: as it was at ${there}`}
        value={value}
        lo={0}
        hi={1}
        step={0.01}
        rest={0}
        digits={0}
        percent
        latest={latest}
        op="blended"
        target={{}}
      />
      {trouble && <p class="tvw-sliders-none">{trouble}</p>}
    </div>
  );
}

const HEIGHT = 72;
const WIDTH = 300;
const PAD = 4;

/** The probe's loss from here to there. */
function Way({ points, value, there }: { points: [number, number | null][]; value: number; there: string }) {
  const known = points.filter((point): point is [number, number] => Number.isFinite(point[1]));
  if (!known.length) return <div class="tvw-way" style={{ height: `${HEIGHT}px` }} />;
  const losses = known.map(([, loss]) => loss);
  const [lo, hi] = [Math.min(...losses), Math.max(...losses)];
  const x = (share: number) => share * WIDTH;
  const y = (loss: number) => (hi > lo ? PAD + ((hi - loss) / (hi - lo)) * (HEIGHT - 2 * PAD) : HEIGHT / 2);
  const path = known.map(([share, loss]) => `${x(share).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
  const said = `probe loss on the way to ${there}: from ${number(losses[0])} to ${number(losses.at(-1))}`;
  return (
    <figure class="tvw-way">
      <span class="tvw-way-limits">
        <span>{number(hi)}</span>
        <span>{number(lo)}</span>
      </span>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={said}>
        <polyline points={path} data-points={known.length} />
        <line class="tvw-way-here" x1={x(value)} x2={x(value)} y1={0} y2={HEIGHT} />
      </svg>
      <figcaption>
        <span>here</span>
        <span>probe loss</span>
        <span>{there}</span>
      </figcaption>
    </figure>
  );
}
