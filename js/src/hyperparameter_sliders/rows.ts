// What the kernel shows of the hyperparameters, and how sliders are divided.

export interface Row {
  /** what a change asks for */
  name: string;
  label: string;
  section: string;
  about: string;
  scale: "log" | "near one" | "linear" | "whole" | "switch";
  /** null where one row sets several that differ */
  value: number | boolean | null;
  lo: number;
  hi: number;
  /** when it was first seen: where a double click goes */
  first: number | boolean;
  held: boolean;
  /** what the user had set, where something else has set another since */
  wished: number | boolean | null;
  remark: string;
  scheduler: string;
  main: boolean;
}

export interface Change {
  step: number;
  text: string;
  by: string;
}

export interface Section {
  title: string;
  about: string;
  rows: Row[];
}

/** The rows under what they belong to, in their order. */
export function sections(rows: readonly Row[]): Section[] {
  const found: Section[] = [];
  for (const row of rows) {
    const last = found.at(-1);
    if (last?.title === row.section && last.about === row.about) last.rows.push(row);
    else found.push({ title: row.section, about: row.about, rows: [row] });
  }
  return found;
}

export function isRate(row: Row): boolean {
  return row.label === "lr";
}

/** What is on show while the rest is folded: the learning rates, or the first row of all where there is none. */
export function ofFolded(rows: readonly Row[]): Row[] {
  const rates = rows.filter(isRate);
  return rates.length > 0 ? rates : rows.slice(0, 1);
}

/** The positions 0 … `count` of a slider, and the values that they stand for. */
export interface Division {
  count: number;
  value(position: number): number;
  position(value: number): number;
}

const A_DECADE = 20;
const NINES = 25;

export function division({ scale, lo, hi }: Pick<Row, "scale" | "lo" | "hi">): Division {
  if (scale === "log") return logarithmic(lo, hi);
  if (scale === "near one") return nearOne(hi);
  const count = scale === "whole" ? Math.max(1, Math.round(hi - lo)) : 100;
  return {
    count,
    value: (position) => rounded(lo + ((hi - lo) * position) / count, 4),
    position: (value) => within(((value - lo) / (hi - lo || 1)) * count, count),
  };
}

/** Twenty positions a decade; the first one is 0. */
function logarithmic(lo: number, hi: number): Division {
  const count = Math.round(Math.log10(hi / lo) * A_DECADE) + 1;
  return {
    count,
    value: (position) => (position < 1 ? 0 : rounded(lo * 10 ** ((position - 1) / A_DECADE), 3)),
    position: (value) => (value > 0 ? within(1 + Math.log10(value / lo) * A_DECADE, count, 1) : 0),
  };
}

/** 0, 0.9, 0.99, 0.999 the same way apart. */
function nearOne(hi: number): Division {
  const count = Math.round(-Math.log10(1 - hi) * NINES);
  return {
    count,
    value: (position) => rounded(1 - rounded(10 ** (-position / NINES), 2), 6),
    position: (value) => within(value < 1 ? -Math.log10(1 - value) * NINES : count, count),
  };
}

function rounded(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

function within(position: number, count: number, least = 0): number {
  return Number.isFinite(position) ? Math.min(count, Math.max(least, Math.round(position))) : 0;
}

/** A value as it is typed: 0.05, 5e-4, without the noise of its last digits. */
export function plain(found: number): string {
  const value = Number(found);
  if (!Number.isFinite(value)) return String(found);
  const size = Math.abs(value);
  if (size > 0 && (size < 1e-3 || size >= 1e6)) return Number(value.toPrecision(4)).toExponential().replace("e+", "e");
  return String(rounded(value, value < 1 && value > 0.99 ? 6 : 4));
}

/** What was typed, as a number where it is one; else the kernel says what is wrong with it. */
export function typed(text: string): number | string {
  const bare = text.trim().replace("\u2212", "-");
  const value = Number(bare);
  return bare === "" || !Number.isFinite(value) ? text : value;
}
