import type { Latest } from "../shared/latest";
import { Button } from "../shared/parts";
import type { Link } from "../shared/wire";
import { Slider } from "./slider";
import { UnitList } from "./unit_list";
import { type Change, shortName, type TensorInfo } from "./weights";

interface Props {
  tensor: TensorInfo;
  live: boolean;
  latest: Latest;
  link: Link;
}

interface Numbered extends Pick<Parameters<typeof Slider>[0], "title" | "value" | "lo" | "hi" | "digits" | "asked"> {
  change: Change;
  /** where one change has two sliders */
  does?: string;
  name?: string;
  step: number;
  rest: number;
  percent?: boolean;
}

/** The changes of a whole tensor that a number tells. */
function sliders({ values, reach }: TensorInfo): Numbered[] {
  const value = (change: Change) => Number(values[change] ?? 0);
  const [low, high] = Array.isArray(values.clamp) ? values.clamp : [-reach, reach];
  const about = { lo: -reach, hi: reach, step: reach / 200, digits: 3 };
  return [
    { ...about, change: "shift", title: "a number added to every value", value: value("shift"), rest: 0 },
    {
      change: "noise",
      name: "noise × σ",
      title: "Gaussian noise added: so many of the tensor's own standard deviations",
      ...{ value: value("noise"), lo: 0, hi: 2, step: 0.01, rest: 0, digits: 2 },
    },
    {
      change: "prune",
      title: "the share of the values that is smallest, made 0",
      ...{ value: value("prune"), lo: 0, hi: 1, step: 0.01, rest: 0, digits: 0, percent: true },
    },
    {
      ...{ ...about, change: "clamp", does: "clamp from", title: "no value is let below", value: low, rest: -reach },
      asked: (from) => [Math.min(from, high), high],
    },
    {
      ...{ ...about, change: "clamp", does: "clamp to", title: "no value is let above", value: high, rest: reach },
      asked: (to) => [low, Math.max(to, low)],
    },
  ];
}

/** What else can be done to a tensor as a whole, and its channels one by one. */
export function Tools({ tensor, live, latest, link }: Props) {
  const { name, values, frozen } = tensor;
  const ask = (change: Change, more: object = {}) => void latest.send("edit", { change, tensor: name, ...more });
  const again = "reinit" in values;
  return (
    <div class="tvw-tools">
      {sliders(tensor).map(({ change, does = change, name: shown = does, ...slider }) => (
        <Slider
          {...slider}
          key={does}
          label={`${shortName(name)} · ${does}`}
          name={shown}
          latest={latest}
          op="edit"
          target={{ change, tensor: name }}
        />
      ))}
      <div class="tvw-tools-row">
        <Button
          act={() => ask("reinit", { again })}
          pressed={again}
          title={again ? "draw other initial values" : "values as the layer itself begins with"}
        >
          {again ? "Re-initialise again" : "Re-initialise"}
        </Button>
        {values.noise !== undefined && (
          <Button
            act={() => ask("noise", { value: values.noise, again: true })}
            title="other noise of the same size"
            label="other noise"
          >
            Other noise
          </Button>
        )}
        <Button
          act={() => ask("freeze", { value: frozen ? 0 : 1 })}
          pressed={frozen}
          disabled={!live}
          title={live ? "training leaves it as it is" : "freezing changes no values: choose Live"}
        >
          Freeze
        </Button>
      </div>
      <UnitList tensor={tensor} link={link} latest={latest} />
    </div>
  );
}
