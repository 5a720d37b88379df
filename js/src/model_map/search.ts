import type { Row } from "./rows";

/** "x" and "*" for the times sign make no difference, nor does case. */
function plain(text: string): string {
  return text.toLowerCase().replace(/[×*]/g, "x");
}

function wordsOf(typed: string): string[] {
  return plain(typed).split(/\s+/).filter(Boolean);
}

/** Paths of the rows whose path, class or shape holds each word that was typed, in the order of the rows. */
export function matches(rows: readonly Row[], typed: string): string[] {
  const words = wordsOf(typed);
  if (!words.length) return [];
  const found = rows.filter((row) => {
    const texts = [row.path || row.name, row.type, row.shape].map(plain);
    return words.every((word) => texts.some((text) => text.includes(word)));
  });
  return found.map((row) => row.path);
}

/** The match after (by 1) or before (by −1) the selected row, round the ends. */
export function nextMatch(rows: readonly Row[], found: readonly string[], selected: string, by: 1 | -1): string | null {
  const order = new Map(rows.map((row, i) => [row.path, i]));
  const at = order.get(selected) ?? -1;
  const around = by > 0 ? found : [...found].reverse();
  const next = around.find((path) => ((order.get(path) ?? -1) - at) * by > 0);
  return next ?? around[0] ?? null;
}

/** A text before, in and after the first word that it holds: "conv1" for "v" → ["con", "v", "1"]. */
export function marked(text: string, typed: string): string[] {
  const low = plain(text);
  const hits = wordsOf(typed).map((word) => ({ at: low.indexOf(word), length: word.length }));
  const first = hits.filter(({ at }) => at >= 0).sort((a, b) => a.at - b.at || b.length - a.length)[0];
  // some letters are two in lower case
  if (!first || low.length !== text.length) return [text];
  const end = first.at + first.length;
  return [text.slice(0, first.at), text.slice(first.at, end), text.slice(end)];
}

/** The next row whose name begins with what was typed, −1 = none; a longer word may stay where it is. */
export function typedAhead(shown: readonly Row[], at: number, typed: string): number {
  const low = typed.toLowerCase();
  const start = typed.length > 1 ? Math.max(0, at) : at + 1;
  const order = shown.map((_, i) => (start + i) % shown.length);
  return order.find((i) => (shown[i]?.name || shown[i]?.type || "").toLowerCase().startsWith(low)) ?? -1;
}
