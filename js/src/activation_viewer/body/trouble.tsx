/** Why there is no picture, and what to do. */
export function Trouble({ reason, remedy }: { reason: string; remedy: string }) {
  return (
    <div class="tvw-trouble" role="note">
      <p>{reason}</p>
      {remedy && <p>{remedy}</p>}
    </div>
  );
}
