import { useEffect, useRef, useState } from "preact/hooks";
import { count } from "../shared/format";
import { useLatest, usePush } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import { Segmented, Select } from "../shared/parts";
import type { Link } from "../shared/wire";
import { UnitLine } from "./unit_line";
import type { By, TensorInfo, Units } from "./weights";

/** px of a row, as in style.css */
export const ROW = 24;
/** rows asked for before the first one on screen */
const BEFORE = 10;
/** rows that may be scrolled before others are asked for */
const SLACK = 6;
const SHOWN = 7;
/** rows drawn above and below those in view: each costs the browser a few layers at every frame */
const BEYOND = 2;

const ORDERS = [
  { value: "number", label: "by number" },
  { value: "largest", label: "largest first" },
  { value: "smallest", label: "smallest first" },
] as const;
const LISTS = [
  { value: "channel", label: "Channels", title: "output channels, one by one" },
  { value: "head", label: "Heads", title: "heads of the attention, one by one" },
] as const;

interface Props {
  tensor: TensorInfo;
  latest: Latest;
  link: Link;
}

/** The channels or heads of a tensor, however many: the kernel sends those on screen and a few around them. */
export function UnitList({ tensor, latest, link }: Props) {
  const { name, parts } = tensor;
  const push = usePush<Units>(link, "units");
  const asking = useLatest(link);
  const [by, setBy] = useState<By>(parts.at(-1) ?? "channel");
  const [query, setQuery] = useState("");
  const [order, setOrder] = useState("number");
  const [first, setFirst] = useState(0);
  const [top, setTop] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (parts.length) void asking.send("units", { tensor: name, by, first, query, order });
  }, [asking, name, by, first, query, order, parts.length]);
  useEffect(() => () => void asking.send("units", { tensor: null }), [asking]);
  if (!parts.length) return null;
  const units = push?.value.tensor === name && push.value.by === by ? push.value : null;
  const scrolled = (event: Event) => {
    const row = Math.floor((event.currentTarget as Element).scrollTop / ROW);
    const wanted = Math.max(0, row - BEFORE);
    setTop(row);
    if (Math.abs(wanted - first) > SLACK || (wanted === 0 && first !== 0)) setFirst(wanted);
  };
  const fromTheTop = () => {
    if (list.current) list.current.scrollTop = 0;
    setTop(0);
    setFirst(0);
  };
  const found = units?.found ?? 0;
  const drawn = units?.rows
    .map((row, i) => ({ row, place: units.first + i }))
    .filter(({ place }) => place >= top - BEYOND && place < top + SHOWN + BEYOND);
  return (
    <div class="tvw-units">
      <div class="tvw-tools-row">
        {parts.length > 1 ? (
          <Segmented
            label="listed one by one"
            options={LISTS}
            value={by}
            choose={(next) => {
              setBy(next);
              fromTheTop();
            }}
          />
        ) : (
          <span>{units ? `${count(units.count)} ${by}s` : `${by}s`}</span>
        )}
        <input
          class="tvw-typing"
          type="search"
          placeholder="find"
          aria-label={`find a ${by}`}
          value={query}
          onInput={(event) => {
            fromTheTop();
            setQuery(event.currentTarget.value);
          }}
        />
        <Select
          label="order"
          options={ORDERS}
          value={order}
          choose={(next) => {
            fromTheTop();
            setOrder(next);
          }}
        />
      </div>
      <div
        class="tvw-units-rows"
        ref={list}
        data-named={units?.rows.some(({ unit, name }) => name && name !== String(unit))}
        style={{ height: `${Math.min(SHOWN, Math.max(1, found)) * ROW}px` }}
        onScroll={scrolled}
      >
        <div style={{ height: `${found * ROW}px` }}>
          {drawn?.map(({ row, place }) => (
            <UnitLine key={row.unit} tensor={name} row={row} top={place * ROW} latest={latest} />
          ))}
        </div>
        {units && !found && (
          <p class="tvw-tensor-note">
            no {by} fits “{query}”
          </p>
        )}
      </div>
    </div>
  );
}
