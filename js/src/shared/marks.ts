/** A moment at which something went wrong: a loss that is not finite, or one that jumped. */
export interface Mark {
  step: number;
  kind: string;
  text: string;
}

/** "1 mark", "2 marks" */
export function howMany(marks: readonly Mark[]): string {
  return marks.length === 1 ? "1 mark" : `${marks.length} marks`;
}

/** "train/loss jumped to 24 at step 1140", a line a mark; some texts say the step themselves */
export function inWords(marks: readonly Mark[]): string[] {
  return marks.map(({ step, text }) => (text.includes(` at step ${step}`) ? text : `${text} at step ${step}`));
}
