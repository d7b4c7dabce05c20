// A plot as SVG, drawn anew for each change: its size in pixels is that of the page, so letters
// keep theirs on a small screen.
"use strict";

const APALU_PLOT = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const REACH = 4; // x goes from -4 to 4: a normal number seldom comes beyond
  const STEPS = 160; // pieces of a curve
  const MARGIN = { left: 34, right: 10, top: 10, bottom: 26 };

  function node(name, attributes, text = "") {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  class Plot {
    // low, high: what is shown of the values, always the same: limits that followed the curve
    // would hide how it changes.
    constructor(svg, low, high) {
      Object.assign(this, { svg, low, high, clip: `${svg.id}-clip` });
    }

    // Sizes and an empty frame.
    begin() {
      this.width = Math.max(this.svg.clientWidth, 200);
      this.height = Math.max(this.svg.clientHeight, 150);
      this.svg.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
      this.svg.replaceChildren();
      const { left, right, top, bottom } = MARGIN;
      const box = { x: left, y: top, width: this.width - left - right };
      box.height = this.height - top - bottom;
      const clip = node("clipPath", { id: this.clip });
      clip.append(node("rect", box));
      this.svg.append(clip);
      for (let x = -REACH; x <= REACH; x++) this.grid(x, null);
      for (let y = Math.ceil(this.low / 2) * 2; y <= this.high; y += 2) this.grid(null, y);
      this.inside = node("g", { "clip-path": `url(#${this.clip})` });
      this.svg.append(this.inside);
    }

    px(x) {
      return MARGIN.left + ((x + REACH) / (2 * REACH)) * (this.width - MARGIN.left - MARGIN.right);
    }

    py(y) {
      const height = this.height - MARGIN.top - MARGIN.bottom;
      return MARGIN.top + ((this.high - y) / (this.high - this.low)) * height;
    }

    // Which x a place on the screen has.
    at(clientX) {
      const place = clientX - this.svg.getBoundingClientRect().left;
      const width = this.width - MARGIN.left - MARGIN.right;
      return ((place - MARGIN.left) / width) * 2 * REACH - REACH;
    }

    // A line of the grid with its number: at an x or at a y.
    grid(x, y) {
      const label = String(x ?? y).replace("-", "−");
      const kind = (x ?? y) === 0 ? "axis" : "grid";
      if (y === null) {
        this.line(kind, [x, this.low], [x, this.high], this.svg);
        this.text(label, this.px(x), this.height - 8, "middle", this.svg);
      } else {
        this.line(kind, [-REACH, y], [REACH, y], this.svg);
        this.text(label, MARGIN.left - 6, this.py(y) + 4, "end", this.svg);
      }
    }

    line(kind, [x1, y1], [x2, y2], into = this.inside) {
      const ends = { x1: this.px(x1), y1: this.py(y1), x2: this.px(x2), y2: this.py(y2) };
      into.append(node("line", { class: kind, ...ends }));
    }

    text(text, x, y, anchor, into) {
      into.append(node("text", { x, y, "text-anchor": anchor }, text));
    }

    // A function from one x to another, both ends as well.
    curve(kind, f, from = -REACH, to = REACH) {
      const points = [];
      for (let i = 0; i <= STEPS; i++) {
        const x = from + ((to - from) * i) / STEPS;
        points.push(`${this.px(x).toFixed(2)} ${this.py(f(x)).toFixed(2)}`);
      }
      this.inside.append(node("path", { class: kind, d: `M${points.join("L")}` }));
    }

    // A round mark; an open one where the curve comes close and is not.
    dot(kind, x, y) {
      this.inside.append(node("circle", { class: kind, cx: this.px(x), cy: this.py(y), r: 5 }));
    }

    // A word to the left (-1) or the right (1) of a place, or above it (0).
    note(text, x, y, side) {
      const anchor = ["end", "middle", "start"][side + 1];
      this.text(text, this.px(x) + 10 * side, this.py(y) + (side === 0 ? -10 : 5), anchor, this.svg);
    }
  }

  return { Plot, REACH };
})();
