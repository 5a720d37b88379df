import { useState } from "preact/hooks";
import { count } from "../shared/format";
import { Button } from "../shared/parts";
import { type Mark, signsOf } from "./marks";
import { MEASURE_NAMES, type Measure, told } from "./measure";
import { byteSize, type Row, type Weight } from "./rows";

interface Props {
  row: Row;
  marks: readonly Mark[];
  measure: Measure | null;
}

/** The selected layer in words, its own tensors below when opened. */
export function Details({ row, marks, measure }: Props) {
  const [open, setOpen] = useState(false);
  const { weights } = row;
  return (
    <div class="tvw-details">
      <div class="tvw-details-line">
        {weights.length > 0 && (
          <Button small expanded={open} act={() => setOpen(!open)}>
            {weights.length === 1 ? "1 tensor" : `${weights.length} tensors`}
          </Button>
        )}
        <span class="tvw-details-words" role="status">
          <b class="tvw-mono">{row.path || row.type}</b> <span>{words(row, measure)}</span>
          {signsOf(row, marks).map(({ kind, text }) => (
            <span key={kind + text} class="tvw-details-sign" data-kind={kind}>
              {` · ${text}`}
            </span>
          ))}
        </span>
      </div>
      {open && weights.length > 0 && <Tensors weights={weights} />}
    </div>
  );
}

function words(row: Row, measure: Measure | null): string {
  const value = measure && measure.by !== "parameters" ? told(measure.values.get(row.path), measure) : "";
  const parts = [
    row.kind === "function" ? "function" : row.path && row.type,
    row.shape,
    row.parameters && `${count(row.parameters)} parameters`,
    row.bytes && byteSize(row.bytes),
    value && measure && `${MEASURE_NAMES[measure.by]} ${value}`,
  ];
  return parts.filter(Boolean).join(" · ");
}

/** A recording without its model does not know which of its tensors are trained. */
function kindOf(weight: Weight, all: readonly Weight[]): string {
  if (weight.trainable !== null) return weight.trainable ? "trained" : "frozen";
  return all.some((each) => each.trainable !== null) ? "buffer" : "";
}

function Tensors({ weights }: { weights: readonly Weight[] }) {
  return (
    <table class="tvw-tensors" aria-label="tensors of this layer itself">
      <tbody>
        {weights.map((weight) => (
          <tr key={weight.name}>
            <th scope="row">{weight.name}</th>
            <td>{weight.shape.join("×") || "scalar"}</td>
            <td>{weight.dtype}</td>
            <td data-kind={kindOf(weight, weights)}>{kindOf(weight, weights)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
