/** Zoom and fit, in the corner of the graph. */
export function Tools({ smaller, larger, fit }: { smaller(): void; larger(): void; fit(): void }) {
  return (
    <span class="tvw-graph-tools">
      <Tool name="zoom out" keys="−" act={smaller} d="M3 8h10" />
      <Tool name="zoom in" keys="+" act={larger} d="M3 8h10M8 3v10" />
      <Tool name="fit" keys="0" act={fit} d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />
    </span>
  );
}

function Tool(props: { name: string; keys: string; act(): void; d: string }) {
  return (
    <button
      type="button"
      class="tvw-button"
      title={`${props.name} (${props.keys})`}
      aria-label={props.name}
      onClick={props.act}
    >
      <svg class="tvw-icon" viewBox="0 0 16 16" aria-hidden="true">
        <path d={props.d} />
      </svg>
    </button>
  );
}
