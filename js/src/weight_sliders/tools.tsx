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

/** What else can be done to a tensor as a whole, and its channels one by one. */
export function Tools({ tensor, live, latest, link }: Props) {
  const { name, values, reach, frozen } = tensor;
  const ask = (change: Change, more: object = {}) => void latest.send("edit", { change, tensor: name, ...more });
  const common = (change: Change) => ({
    label: `${shortName(name)} · ${change}`,
    name: change === "noise" ? "noise × σ" : change === "clamp" ? "clamp at ±" : change,
    latest,
    target: { change, tensor: name },
  });
  const clamp = Array.isArray(values.clamp) ? values.clamp[1] : reach;
  const again = "reinit" in values;
  return (
    <div class="tvw-tools">
      <Slider
        {...common("shift")}
        title="a number added to every value"
        value={Number(values.shift ?? 0)}
        lo={-reach}
        hi={reach}
        step={reach / 200}
        rest={0}
        digits={3}
        op="edit"
      />
      <Slider
        {...common("noise")}
        title="Gaussian noise added: so many of the tensor's own standard deviations"
        value={Number(values.noise ?? 0)}
        lo={0}
        hi={2}
        step={0.01}
        rest={0}
        digits={2}
        op="edit"
      />
      <Slider
        {...common("prune")}
        title="the share of the values that is smallest, made 0"
        value={Number(values.prune ?? 0)}
        lo={0}
        hi={1}
        step={0.01}
        rest={0}
        digits={0}
        percent
        op="edit"
      />
      <Slider
        {...common("clamp")}
        title="no value is let further from 0"
        value={clamp}
        lo={0}
        hi={reach}
        step={reach / 200}
        rest={reach}
        digits={3}
        asked={(value) => [-Math.abs(value), Math.abs(value)]}
        op="edit"
      />
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
