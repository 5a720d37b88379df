// The viewer's second bundle: the rarer kinds of pictures, the distribution, drawing, options and saving. It has a Preact
// of its own and draws into elements that the first bundle gives it.
import { type FunctionComponent, render } from "preact";
import { copyText } from "../../shared/clipboard";
import { Bars } from "../body/bars";
import { Boxes } from "../body/boxes";
import { ClassBars } from "../body/class_bars";
import { Head, LooksAt } from "../body/head";
import { HeatView } from "../body/heat_view";
import { ImageView } from "../body/image";
import { Prefix } from "../body/prefix";
import { Scalar } from "../body/scalar";
import { Slices } from "../body/slices";
import { PatchTools } from "../body/token_tools";
import { Changes } from "../head/changes";
import { Options } from "../head/options";
import { Which } from "../head/which";
import { savePng } from "../save/save_png";
import { DrawingPad } from "../strip/drawing_pad";
import { Distribution } from "../time/distribution";
import { PinPlots } from "../time/pins";

const VIEWS = {
  ...{ Bars, Boxes, Changes, ClassBars, Distribution, DrawingPad, Head, HeatView, ImageView, LooksAt, Options },
  ...{ PatchTools, PinPlots, Prefix, Scalar, Slices, Which },
};

/** The views and what each is drawn from. */
export type Views = { [name in keyof typeof VIEWS]: Parameters<(typeof VIEWS)[name]>[0] };

export function draw<N extends keyof Views>(element: Element, name: N, props: Views[N]): void {
  const View = VIEWS[name] as unknown as FunctionComponent<Views[N]>;
  render(<View {...props} />, element);
}

export function clear(element: Element): void {
  render(null, element);
}

export { copyText, savePng };
