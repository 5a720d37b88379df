import type { Latest } from "../shared/latest";
import type { Link, Push } from "../shared/wire";
import { HeatMap } from "./heat_map";
import { Slider } from "./slider";
import { Tools } from "./tools";
import { extentNote, lastName, shortName, type TensorInfo, type Weights } from "./weights";

interface Props {
  tensor: TensorInfo;
  push: Push<Weights>;
  buffer: DataView | undefined;
  latest: Latest;
  link: Link;
  open: boolean;
  toggle(): void;
}

/** One tensor: its gain, its values as a heat map, the value picked on it, and all else when it is opened. */
export function TensorRow({ tensor, push, buffer, latest, link, open, toggle }: Props) {
  const { picked, live } = push.value;
  const { name, values, editable } = tensor;
  const own = picked?.tensor === name ? picked : null;
  return (
    <section class="tvw-tensor" aria-label={name}>
      <div class="tvw-tensor-head">
        <button
          type="button"
          class="tvw-plain tvw-fold"
          aria-expanded={open}
          aria-label={`more of ${name}`}
          title={open ? "less" : "shift, noise, prune, clamp, re-initialise, freeze, channels"}
          onClick={toggle}
        >
          <svg viewBox="0 0 8 8" aria-hidden="true">
            <path d="M2 1l4 3-4 3z" />
          </svg>
        </button>
        <Slider
          label={`${shortName(name)} · gain`}
          title={`${name}\n${extentNote(tensor)}`}
          value={Number(values.gain ?? 1)}
          lo={0}
          hi={2}
          step={0.01}
          rest={1}
          disabled={!editable}
          digits={2}
          latest={latest}
          op="edit"
          target={{ change: "gain", tensor: name }}
        />
      </div>
      <HeatMap tensor={tensor} push={push} buffer={buffer} picked={own} latest={latest} />
      {own && (
        <Slider
          key={own.index.join()}
          label={`${lastName(name)}[${own.index.join(", ")}]`}
          title={`${name}[${own.index.join(", ")}]`}
          value={own.value}
          lo={own.lo}
          hi={own.hi}
          step={(own.hi - own.lo) / 400 || 0.001}
          disabled={!editable}
          digits={3}
          latest={latest}
          op="edit"
          target={{ change: "set", tensor: name, index: own.index }}
        />
      )}
      {tensor.note && <div class="tvw-tensor-note">{tensor.note}</div>}
      {tensor.frozen && <div class="tvw-tensor-note">frozen: training leaves it as it is</div>}
      {open && editable && <Tools tensor={tensor} live={live} latest={latest} link={link} />}
    </section>
  );
}
