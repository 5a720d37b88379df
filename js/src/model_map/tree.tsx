import { useLayoutEffect, useState } from "preact/hooks";
import { useSize } from "../shared/hooks";
import type { Mark } from "./marks";
import type { Measure } from "./measure";
import type { Row } from "./rows";
import { type Saver, saveSvg, useSaver } from "./save";
import { TreeFile, treeSize } from "./tree_file";
import { TreeRow } from "./tree_row";

export const ROW = 25;
/** rows drawn above and below the ones in sight */
const MARGIN = 12;

export interface TreeProps {
  rows: readonly Row[];
  selected: number;
  trends: ReadonlyMap<string, Float32Array>;
  measure: Measure | null;
  marks: ReadonlyMap<string, readonly Mark[]>;
  typed: string;
  found: ReadonlySet<string>;
  folded: ReadonlySet<string>;
  select(path: string): void;
  fold(path: string, shut: boolean): void;
  press(event: KeyboardEvent): void;
  saver: Saver;
}

/** Only the rows in sight are in the page: a thousand scroll as a dozen do. */
export function Tree(props: TreeProps) {
  const { rows, selected } = props;
  const { ref, height } = useSize<HTMLDivElement>();
  const [top, setTop] = useState(0);
  // several views of one model share the page, and an id must not
  const [prefix] = useState(() => `tvw-row-${Math.random().toString(36).slice(2, 8)}`);
  const first = Math.max(0, Math.floor(top / ROW) - MARGIN);
  const last = Math.min(rows.length, Math.ceil((top + Math.max(height, 400)) / ROW) + MARGIN);
  const widest = Math.min(14, Math.max(3, ...rows.map((row) => row.shape.length)));
  const path = rows[selected]?.path;
  useSaver(props.saver, () => ref.current && saveSvg(ref.current, <TreeFile {...props} />, treeSize(rows)));
  useLayoutEffect(() => {
    if (ref.current && selected >= 0) keepInSight(ref.current, selected);
  }, [path]);
  return (
    <div
      class="tvw-tree"
      role="tree"
      tabIndex={0}
      aria-label="layers of the model"
      aria-activedescendant={selected >= first && selected < last ? `${prefix}-${selected}` : undefined}
      ref={ref}
      data-trend={props.trends.size > 0}
      data-measure={props.measure !== null}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={props.press}
    >
      <div class="tvw-tree-space" style={{ height: `${rows.length * ROW}px`, "--tvw-shape": `${widest}ch` }}>
        {rows.slice(first, last).map((row, i) => (
          <TreeRow
            key={row.path}
            {...props}
            row={row}
            index={first + i}
            id={`${prefix}-${first + i}`}
            base={rows[0]?.depth ?? 0}
          />
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
