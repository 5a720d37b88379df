import { useState } from "preact/hooks";
import { decode } from "../../shared/colour";
import { number } from "../../shared/format";
import { bytes } from "../../shared/wire";
import { colours } from "../picture";
import { dataOf } from "./data";
import { HeatMap } from "./heat_map";
import type { Cell, PanelProps } from "./props";

/** The tokens before the patches, such as a class token: one row each, one column a feature. */
export function Prefix(props: PanelProps) {
  const { panel, push, picture } = props;
  const [cell, setCell] = useState<Cell | null>(null);
  const prefix = picture.prefix;
  if (!prefix || panel.prefix === null || panel.prefix === undefined) return null;
  const codes = bytes(push.buffers[panel.prefix]);
  const [, height, width] = prefix.tiles;
  const name = height === 1 ? "class token" : `${height} tokens before the patches`;
  const value = cell && decode(codes[cell.row * width + cell.column] ?? 255, prefix.lo, prefix.hi);
  const of = cell && height > 1 ? `token ${cell.row}, ` : "";
  return (
    <div class="tvw-prefix">
      <div class="tvw-caption">
        <span>{name}</span>
        <span class="tvw-mono">{cell ? `${of}feature ${cell.column} ≈ ${number(value, 2)}` : ""}</span>
      </div>
      <HeatMap
        {...{ codes, height, width, cell, setCell }}
        table={colours(prefix)}
        limit={height === 1 ? 18 : 60}
        label={name}
        stamp={push}
        data={{ ...dataOf("tvw-prefix", props), "data-lo": prefix.lo, "data-hi": prefix.hi }}
      />
    </div>
  );
}
