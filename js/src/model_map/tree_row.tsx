import { compact } from "../shared/format";
import { sparkPath } from "../shared/parts";
import { Signs } from "./marks";
import { share, told } from "./measure";
import { describe, type Row } from "./rows";
import { marked } from "./search";
import { ROW, type TreeProps } from "./tree";

const SPARK = { width: 66, height: 17 };

interface Props extends TreeProps {
  row: Row;
  index: number;
  id: string;
  /** depth of the first row */
  base: number;
}

export function TreeRow(props: Props) {
  const { row, index, folded, base } = props;
  const shut = folded.has(row.path);
  const toggle = (event: Event) => {
    event.stopPropagation();
    props.fold(row.path, !shut);
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the tree's, which has the focus
    <div
      id={props.id}
      class="tvw-row"
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth - base + 1}
      aria-selected={index === props.selected}
      aria-expanded={row.foldable ? !shut : undefined}
      data-path={row.path}
      data-kind={row.kind}
      data-idle={row.idle}
      data-found={props.found.has(row.path)}
      style={{ top: `${index * ROW}px` }}
      title={describe(row)}
      onClick={() => props.select(row.path)}
      onDblClick={(event) => row.foldable && toggle(event)}
    >
      <span class="tvw-row-name" style={{ paddingLeft: `${(row.depth - base) * 14}px` }}>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter on the row does the same */}
        {/* biome-ignore lint/a11y/noStaticElementInteractions: part of the row, which is the control */}
        <span class="tvw-row-fold" onClick={row.foldable ? toggle : undefined}>
          {row.foldable ? (shut ? "▸" : "▾") : ""}
        </span>
        <Words {...props} />
      </span>
      <Columns {...props} />
    </div>
  );
}

function Words({ row, typed, marks }: Props) {
  const type = row.kind === "function" ? "ƒ" : row.type;
  return (
    <>
      <span class="tvw-row-label">{lit(row.name || row.type, typed)}</span>
      {row.name && row.name !== type && <span class="tvw-row-type">{lit(type, typed)}</span>}
      <Signs row={row} marks={marks.get(row.path) ?? []} />
    </>
  );
}

function lit(text: string, typed: string) {
  return marked(text, typed).map((part, i) => (i % 2 ? <mark key="hit">{part}</mark> : part));
}

function Columns({ row, trends, measure }: Props) {
  const trend = trends.get(row.path);
  return (
    <>
      {trends.size > 0 && (
        <svg class="tvw-row-trend" viewBox={`0 0 ${SPARK.width} ${SPARK.height}`} aria-hidden="true">
          {trend && <path d={sparkPath(trend, SPARK.width, SPARK.height)} />}
        </svg>
      )}
      {measure ? (
        <span class="tvw-row-measure" style={{ "--tvw-share": share(measure, row.path).toFixed(4) }}>
          {told(measure.values.get(row.path), measure)}
        </span>
      ) : (
        <span class="tvw-row-parameters">{row.parameters ? compact(row.parameters) : ""}</span>
      )}
      <span class="tvw-row-shape">{row.shape}</span>
    </>
  );
}
