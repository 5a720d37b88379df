import { decode } from "../../shared/colour";
import type { PanelProps } from "./props";

/** The exact values where they are here, else what the colour codes stand for. */
export function vectorValues({ picture, codes, units }: Pick<PanelProps, "picture" | "codes" | "units">): Float32Array {
  return units.get(0)?.values ?? Float32Array.from(codes, (code) => decode(code, picture.lo, picture.hi));
}
