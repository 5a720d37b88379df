// Models that have no weights: their modules, and what a pass through them calls.

class Net {
  constructor(type, input) {
    this.modules = [];
    this.nodes = [];
    this.edges = [];
    this.stack = [];
    this.node({ key: "input:x", path: null, label: "x", type: "Tensor", kind: "input", shape: input });
    this.at = { key: "input:x", shape: input };
    this.begin("", type);
  }

  node(node) {
    this.nodes.push({ parent: this.stack.at(-1)?.path ?? null, calls: 1, note: "", ...node });
  }

  path(name) {
    const outer = this.stack.at(-1)?.path;
    return outer ? `${outer}.${name}` : name;
  }

  module(path, name, type, parameters, shape) {
    this.modules.push({ path, name: name || type, type, depth: this.stack.length, parameters, shape });
    this.node({ key: path, path, label: name || type, type, kind: "module", shape });
    return this.modules.at(-1);
  }

  begin(name, type) {
    const path = name ? this.path(name) : "";
    this.stack.push(this.module(path, name, type, 0, ""));
  }

  end() {
    const done = this.stack.pop();
    done.shape = this.at.shape;
    this.nodes.find(({ key }) => key === done.path).shape = done.shape;
    const outer = this.stack.at(-1);
    if (outer) outer.parameters += done.parameters;
  }

  /** `from`: what it reads, with nothing else what came out last. */
  leaf(name, type, shape, parameters = 0, ...from) {
    const path = this.path(name);
    this.module(path, name, type, parameters, shape);
    this.stack.at(-1).parameters += parameters;
    return this.reach(path, shape, from);
  }

  call(type, shape, ...from) {
    const outer = this.stack.at(-1).path;
    const taken = this.nodes.filter(({ key }) => key.startsWith(`${outer}/${type}`)).length;
    const key = `${outer}/${type}${taken ? `:${taken + 1}` : ""}`;
    this.node({ key, path: key, label: type, type, kind: "function", shape });
    this.modules.push({
      path: key,
      name: type,
      type,
      depth: this.stack.length,
      parameters: 0,
      shape,
      kind: "function",
    });
    return this.reach(key, shape, from);
  }

  reach(key, shape, from) {
    for (const source of from.length ? from : [this.at]) {
      this.edges.push({ source: source.key, target: key, shape: source.shape, leaf: "" });
    }
    this.at = { key, shape };
    return this.at;
  }

  finish() {
    const { shape } = this.at;
    this.end();
    this.node({ key: "output", path: null, label: "output", type: "Tensor", kind: "output", shape });
    this.edges.push({ source: this.at.key, target: "output", shape, leaf: "" });
    return this;
  }
}

export function digits() {
  const net = new Net("DigitsCNN", "1×8×8");
  net.begin("features", "Sequential");
  net.leaf("conv1", "Conv2d", "16×8×8", 160);
  net.leaf("relu1", "ReLU", "16×8×8");
  net.leaf("conv2", "Conv2d", "32×8×8", 4640);
  net.leaf("relu2", "ReLU", "32×8×8");
  net.leaf("pool", "MaxPool2d", "32×4×4");
  net.end();
  net.begin("residual", "Block");
  const x = net.at;
  const y = net.leaf("conv", "Conv2d", "32×4×4", 9248);
  net.call("add", "32×4×4", x, y);
  net.end();
  net.call("flatten", "512");
  net.begin("head", "Sequential");
  net.leaf("fc1", "Linear", "128", 65664);
  net.leaf("dropout", "Dropout", "128");
  net.leaf("fc2", "Linear", "10", 1290);
  net.end();
  return net.finish();
}

function bottleneck(net, name, width, side, first) {
  net.begin(name, "Bottleneck");
  const x = net.at;
  const shape = `${width}×${side}×${side}`;
  const wide = `${4 * width}×${side}×${side}`;
  for (const i of [1, 2, 3]) {
    const out = i < 3 ? shape : wide;
    net.leaf(`conv${i}`, "Conv2d", out, (i === 2 ? 9 : 4) * width * width);
    net.leaf(`bn${i}`, "BatchNorm2d", out, 2 * width * (i < 3 ? 1 : 4));
    if (i < 3) net.leaf(`relu${i}`, "ReLU", out);
  }
  const y = net.at;
  let short = x;
  if (first) {
    net.begin("downsample", "Sequential");
    net.leaf("0", "Conv2d", wide, 8 * width * width, x);
    short = net.leaf("1", "BatchNorm2d", wide, 8 * width);
    net.end();
  }
  net.call("add", wide, y, short);
  net.leaf("relu", "ReLU", wide);
  net.end();
}

export function resnet(blocks = [3, 8, 36, 3]) {
  const net = new Net("ResNet", "3×224×224");
  net.leaf("conv1", "Conv2d", "64×112×112", 9408);
  net.leaf("bn1", "BatchNorm2d", "64×112×112", 128);
  net.leaf("relu", "ReLU", "64×112×112");
  net.leaf("maxpool", "MaxPool2d", "64×56×56");
  for (const [i, count] of blocks.entries()) {
    net.begin(`layer${i + 1}`, "Sequential");
    for (let n = 0; n < count; n++) bottleneck(net, String(n), 64 << i, 56 >> i, n === 0);
    net.end();
  }
  net.leaf("avgpool", "AdaptiveAvgPool2d", "2048×1×1");
  net.call("flatten", "2048");
  net.leaf("fc", "Linear", "1000", 2049000);
  return net.finish();
}
