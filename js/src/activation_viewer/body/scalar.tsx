import { number } from "../../shared/format";
import { useAsk } from "../exact";
import type { PanelProps } from "./props";
import { read } from "./reading";

/** One number, large. */
export function Scalar(props: PanelProps) {
  useAsk(props.units, 0, props.push.seq);
  const { value, about } = read(props, 0, { row: 0, column: 0 });
  return (
    <div class="tvw-scalar tvw-mono" data-testid="tvw-scalar">
      {about ? `≈ ${number(value, 3)}` : number(value, 6)}
    </div>
  );
}
