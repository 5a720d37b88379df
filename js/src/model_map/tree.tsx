import { useLayoutEffect, useState } from "preact/hooks";
import { compact } from "../shared/format";
import { useSize } from "../shared/hooks";
import { sparkPath } from "../shared/parts";
import { describe, type Row } from "./rows";

const ROW = 25;
/** rows drawn above and below the ones in sight */
const MARGIN = 12;

interface Props {
  rows: Row[];
  selected: number;
  trends: Map<string, Float32Array>;
  folded: ReadonlySet<string>;
  select(path: string): void;
  fold(path: string, shut: boolean): void;
}

/** Only the rows in sight are in the page: a thousand scroll as a dozen do. */
export function Tree(props: Props) {
  const { rows, selected } = props;
  const { ref, height } = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  // several views of one model share the page, and an id must not
  const [prefix] = useState(() => `tvw-row-${Math.random().toString(36).slice(2, 8)}`);
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const last = Math.min(rows.length, Math.ceil((top + Math.max(height, 400)) / ROW) + MARGIN);
  const widest = Math.min(14, Math.max(3, ...rows.map((row) => row.shape.length)));
  useLayoutEffect(() => {
    if (ref.current && selected >= 0) keepInSight(ref.current, selected);
  }, [selected]);
  return (
    <div
      class="tvw-tree"
      role="tree"
      tabIndex={0}
      aria-label="layers of the model"
      aria-activedescendant={selected >= 0 ? `${prefix}-${selected}` : undefined}
      ref={ref}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div class="tvw-tree-space" style={{ height: `${rows.length * ROW}px`, "--tvw-shape": `${widest}ch` }}>
        {rows.slice(first, last).map((row, i) => (
          <TreeRow key={row.path} {...props} row={row} index={first + i} prefix={prefix} base={rows[0]?.depth ?? 0} />
        ))}
      </div>
    </div>
  );
}

function keepInSight(box: HTMLElement, index: number): void {
  const above = index * ROW;
  if (above < box.scrollTop) box.scrollTop = above;
  if (above + ROW > box.scrollTop + box.clientHeight) box.scrollTop = above + ROW - box.clientHeight;
}

function TreeRow(props: Props & { row: Row; index: number; base: number; prefix: string }) {
  const { row, index, folded, trends } = props;
  const shut = folded.has(row.path);
  const trend = trends.get(row.path);
  const toggle = (event: Event) => {
    event.stopPropagation();
    props.fold(row.path, !shut);
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the tree's, which has the focus
    <div
      id={`${props.prefix}-${index}`}
      class="tvw-row"
      role="treeitem"
      tabIndex={-1}
      aria-level={row.depth - props.base + 1}
      aria-selected={index === props.selected}
      aria-expanded={row.foldable ? !shut : undefined}
      data-path={row.path}
      data-idle={row.idle}
      style={{ top: `${index * ROW}px` }}
      title={describe(row)}
      onClick={() => props.select(row.path)}
      onDblClick={(event) => row.foldable && toggle(event)}
    >
      <span class="tvw-row-name" style={{ paddingLeft: `${(row.depth - props.base) * 14}px` }}>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: Enter on the row does the same */}
        {/* biome-ignore lint/a11y/noStaticElementInteractions: part of the row, which is the control */}
        <span class="tvw-row-fold" onClick={row.foldable ? toggle : undefined}>
          {row.foldable ? (shut ? "▸" : "▾") : ""}
        </span>
        {row.name || row.type} {row.name !== row.type && <span class="tvw-row-type">{row.type}</span>}
        {row.note && <span class="tvw-row-note tvw-warm"> ·</span>}
      </span>
      <svg width="66" height="17" aria-hidden="true">
        {trend && <path d={sparkPath(trend, 66, 17)} />}
      </svg>
      <span class="tvw-row-parameters">{row.parameters ? compact(row.parameters) : ""}</span>
      <span class="tvw-row-shape">{row.shape}</span>
    </div>
  );
}
