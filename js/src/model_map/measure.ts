import { compact, number } from "../shared/format";
import { floats, type Push } from "../shared/wire";
import { byteSize } from "./rows";

export const MEASURES = ["parameters", "macs", "seconds", "memory", "gradient"] as const;
export type By = (typeof MEASURES)[number];

export const MEASURE_NAMES: Readonly<Record<By, string>> = {
  ...{ parameters: "parameters", macs: "multiply-adds", seconds: "time", memory: "memory", gradient: "gradient norm" },
};

export interface MeasurePush {
  by: By;
  unit: string;
  /** of the rows that are no boxes; null where no value is known */
  lo: number | null;
  hi: number | null;
  paths: string[];
}

export interface Measure {
  by: By;
  unit: string;
  hi: number;
  values: ReadonlyMap<string, number>;
}

export function measureOf(push: Push<MeasurePush> | null, by: By | null): Measure | null {
  if (!push || by === null || push.value.by !== by) return null;
  const { unit, hi, paths } = push.value;
  const values = floats(push.buffers[0]);
  return { by, unit, hi: hi ?? 0, values: new Map(paths.map((path, i) => [path, values[i] ?? Number.NaN])) };
}

/** 0…1 of the scale, which begins at nothing; 0 where there is no value. */
export function share(measure: Measure, path: string): number {
  const value = measure.values.get(path);
  if (value === undefined || Number.isNaN(value) || !(measure.hi > 0)) return 0;
  return Math.min(1, Math.max(0, value / measure.hi));
}

/** A value with its unit, short enough for a column: "1.2 ms", "4.6 M", "18.6 kB". */
export function told(value: number | undefined, { by, unit }: Pick<Measure, "by" | "unit">): string {
  if (value === undefined || Number.isNaN(value)) return "";
  if (by === "seconds") return time(value);
  if (by === "memory") return byteSize(value);
  if (by === "gradient") return number(value, 3);
  return value ? `${compact(value)}${unit && unit !== "MAC" ? ` ${unit}` : ""}` : "0";
}

function time(seconds: number): string {
  if (seconds === 0) return "0";
  if (seconds < 1e-3) return `${number(seconds * 1e6, 3)} µs`;
  return seconds < 1 ? `${number(seconds * 1e3, 3)} ms` : `${number(seconds, 3)} s`;
}
