import { useMemo } from "preact/hooks";
import type { Latest } from "../shared/latest";
import { Button } from "../shared/parts";
import { Slider } from "./slider";
import { lastName, type UnitRow } from "./weights";

interface Props {
  tensor: string;
  row: UnitRow;
  /** px from the top of the list */
  top: number;
  latest: Latest;
}

/** CSS px of the longest bar, as in panels.css */
const LONGEST = 28;

/** One channel or head: how large it is, its gain, and whether it is off. */
export function UnitLine({ tensor, row, top, latest }: Props) {
  const { unit, index, gain } = row;
  const off = row.off || gain === 0;
  const label = `${lastName(tensor)}[${unit}]`;
  const name = row.name && row.name !== String(unit) ? `${unit} ${row.name}` : String(unit);
  // Rounding moves a share a little at each edit, which would be drawn anew for nothing.
  const bar = Math.round(2 * LONGEST * row.share) / 2;
  const percent = Math.round(100 * row.share);
  // Every step of a drag brings all rows anew, most of them as they were: the same nodes are not compared at all.
  return useMemo(
    () => (
      <div class="tvw-unit-line" data-unit={unit} style={{ top: `${top}px` }}>
        <span class="tvw-unit-share" title={`${percent} % of the largest`}>
          <span style={{ width: `${bar}px` }} />
        </span>
        <Slider
          label={`${label} · gain`}
          name={name}
          value={gain}
          lo={0}
          hi={2}
          step={0.01}
          rest={1}
          digits={2}
          latest={latest}
          op="edit"
          target={{ change: "gain", tensor, index }}
        />
        <Button
          act={() => void latest.send("off", { tensor, index, off: !off }, `off ${label}`)}
          pressed={off}
          small
          label={`${label} off`}
          title={off ? "on again" : "off: all its weights become 0"}
        >
          off
        </Button>
      </div>
    ),
    [label, name, String(index), gain, off, bar, percent, top, latest],
  );
}
