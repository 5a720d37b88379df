import type { useControl } from "../shared/held";
import type { Latest } from "../shared/latest";
import { Segmented } from "../shared/parts";

const NO_LIVE = "there is no model in training here: a recorded run can only be previewed";

interface Props {
  mode: ReturnType<typeof useControl<"preview" | "live">>;
  canLive: boolean;
  forget: boolean;
  latest: Latest;
}

/** Whether a copy or the model itself is changed; on show whatever else is. */
export function Mode({ mode, canLive, forget, latest }: Props) {
  const modes = [
    { value: "preview", label: "Preview", title: "on a copy: the training model is left alone" },
    {
      value: "live",
      label: "Live",
      title: "on the training model, at its next step boundary",
      unavailable: canLive ? undefined : NO_LIVE,
    },
  ] as const;
  return (
    <>
      <Segmented label="what the sliders change" options={modes} value={mode.value} choose={mode.set} />
      {mode.value === "live" && (
        <label
          class="tvw-forget"
          title="optimizers forget what they know of the weights that are edited, as their momentum"
        >
          <input
            type="checkbox"
            checked={forget}
            onChange={(event) => void latest.send("reset_optimizer", { reset_optimizer: event.currentTarget.checked })}
          />
          reset momentum
        </label>
      )}
    </>
  );
}
