import { useEffect, useState } from "preact/hooks";
import { count } from "../shared/format";
import { useLatest, usePush } from "../shared/hooks";
import type { Latest } from "../shared/latest";
import { Button, Segmented } from "../shared/parts";
import type { Link } from "../shared/wire";
import { Slider } from "./slider";
import { type By, lastName, type TensorInfo, type UnitRow, type Units } from "./weights";

/** px of a row, as in style.css */
export const ROW = 24;
/** rows asked for before the first one on screen */
const BEFORE = 10;
/** rows that may be scrolled before others are asked for */
const SLACK = 6;
const SHOWN = 7;

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
  useEffect(() => {
    if (parts.length) void asking.send("units", { tensor: name, by, first, query, order });
  }, [asking, name, by, first, query, order, parts.length]);
  useEffect(() => () => void asking.send("units", { tensor: null }), [asking]);
  if (!parts.length) return null;
  const units = push?.value.tensor === name && push.value.by === by ? push.value : null;
  const scrolled = (event: Event) => {
    const top = Math.floor((event.currentTarget as Element).scrollTop / ROW);
    const wanted = Math.max(0, top - BEFORE);
    if (Math.abs(wanted - first) > SLACK || (wanted === 0 && first !== 0)) setFirst(wanted);
  };
  const found = units?.found ?? 0;
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
              setFirst(0);
            }}
          />
        ) : (
          <span class="tvw-caption">{units ? `${count(units.count)} ${by}s` : `${by}s`}</span>
        )}
        <input
          class="tvw-typing"
          type="search"
          placeholder="find"
          aria-label={`find a ${by}`}
          value={query}
          onInput={(event) => {
            setFirst(0);
            setQuery(event.currentTarget.value);
          }}
        />
        <select
          class="tvw-select"
          aria-label="order"
          value={order}
          onChange={(event) => {
            setFirst(0);
            setOrder(event.currentTarget.value);
          }}
        >
          {ORDERS.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <div
        class="tvw-units-rows"
        style={{ height: `${Math.min(SHOWN, Math.max(1, found)) * ROW}px` }}
        onScroll={scrolled}
      >
        <div style={{ height: `${found * ROW}px` }}>
          {units?.rows.map((row, i) => (
            <UnitLine key={row.unit} tensor={name} row={row} top={(units.first + i) * ROW} latest={latest} />
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

function UnitLine({ tensor, row, top, latest }: { tensor: string; row: UnitRow; top: number; latest: Latest }) {
  const { unit, index, gain, share } = row;
  const off = row.off || gain === 0;
  const label = `${lastName(tensor)}[${unit}]`;
  return (
    <div class="tvw-unit-line" data-unit={unit} style={{ top: `${top}px` }}>
      <svg class="tvw-unit-share" viewBox="0 0 28 8" aria-hidden="true">
        <title>{`${Math.round(100 * share)} % of the largest`}</title>
        <rect width={28 * share} height="8" rx="1" />
      </svg>
      <Slider
        label={`${label} · gain`}
        name={row.name && row.name !== String(unit) ? `${unit} ${row.name}` : String(unit)}
        value={gain}
        lo={0}
        hi={2}
        step={0.01}
        rest={1}
        digits={2}
        latest={latest}
        op="edit"
        target={{ change: "gain", tensor, index }}
      />
      <Button
        act={() => void latest.send("off", { tensor, index, off: !off }, `off ${label}`)}
        pressed={off}
        label={`${label} off`}
        title={off ? "on again" : "off: all its weights become 0"}
      >
        off
      </Button>
    </div>
  );
}
