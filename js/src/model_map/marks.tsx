import type { Row } from "./rows";

/** What the statistics at the snapshot on show say of a layer. */
export interface Mark {
  path: string;
  kind: "nan" | "dead" | "vanishing";
  text: string;
}

type Kind = Mark["kind"] | "frozen" | "part" | "idle" | "tied" | "reused" | "note";

export interface Sign {
  kind: Kind;
  text: string;
}

/** 12 × 12, drawn in the colour of the text. */
const SHAPES: Readonly<Record<Exclude<Kind, "reused">, string>> = {
  nan: "M6 1.4 11 10.4H1ZM6 4.6v2.8M6 8.7v.3",
  dead: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M2.8 9.2 9.2 2.8",
  vanishing: "M6 1.5v8.5M2.8 7 6 10.2 9.2 7",
  frozen: "M6 1v10M1.7 3.5l8.6 5M10.3 3.5l-8.6 5M4.6 1.6 6 2.9 7.4 1.6M4.6 10.4 6 9.1 7.4 10.4",
  part: "M6 1v10M1.7 3.5l8.6 5M10.3 3.5l-8.6 5",
  idle: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9",
  tied: "M5 7.6 7.6 5M5.4 3.6 7 2a2.1 2.1 0 0 1 3 3L8.4 6.6M6.6 8.4 5 10a2.1 2.1 0 0 1-3-3L3.6 5.4",
  note: "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M6 5.4v3M6 3.4v.3",
};

/** All that is odd about a row, in words. */
export function signsOf(row: Row, marks: readonly Mark[]): Sign[] {
  const signs: Sign[] = marks.map(({ kind, text }) => ({ kind, text }));
  const add = (kind: Kind, text: string) => signs.push({ kind, text });
  if (row.parameters && row.frozen === "all") add("frozen", "frozen: no parameter is trained");
  if (row.parameters && row.frozen === "part") add("part", "partly frozen: some parameters are not trained");
  if (row.idle) add("idle", row.note || "never called");
  if (row.tied.length) add("tied", `tied to ${row.tied.join(", ")}`);
  if (row.calls > 1) add("reused", `called ${row.calls} times in one pass`);
  if (row.note && !row.idle && !row.tied.length && row.calls < 2) add("note", row.note);
  return signs;
}

/** Small icons after a row's name, each with its words. */
export function Signs(props: { row: Row; marks: readonly Mark[] }) {
  return (
    <>
      {signsOf(props.row, props.marks).map(({ kind, text }) => (
        <span key={kind + text} class="tvw-sign" role="img" data-kind={kind} title={text} aria-label={text}>
          {kind === "reused" ? (
            `×${props.row.calls}`
          ) : (
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path d={SHAPES[kind]} />
            </svg>
          )}
        </span>
      ))}
    </>
  );
}
