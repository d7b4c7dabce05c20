// The explorer's page: what its controls do, and what it shows. The numbers come from apalu.js and
// facts.js, the drawing from plot.js.
"use strict";

(() => {
  const { f, slope, du, dv } = APALU;
  const { PEAK, UNIT, facts, number, words } = APALU_FACTS;
  const { Plot, REACH } = APALU_PLOT;
  const NAMES = ["a", "b", "x"];
  const [LOW, HIGH] = [-1, 3]; // of a and b, as in index.html
  const START = { a: 1, b: 1, x: 1, lock: false };

  const root = document.getElementById("apalu-explorer");
  const part = (name) => document.getElementById(`ex-${name}`);
  const state = { ...START };
  const values = new Plot(part("values"), -4, 8);
  const slopes = new Plot(part("slopes"), -2.6, 6.8);

  // ---- Others, to compare with ---------------------------------------------------------------

  const density = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

  // The share of N(0, 1) below x: 1/2 + density (x + x^3/3 + x^5/15 + ...). Where it is drawn no
  // digit that shows is lost.
  function share(x) {
    let [sum, term] = [x, x];
    for (let n = 3; Math.abs(term) > 1e-17; n += 2) sum += term *= (x * x) / n;
    return 0.5 + density(x) * sum;
  }

  const OTHERS = {
    relu: { f: (x) => Math.max(x, 0), slope: (x) => (x < 0 ? 0 : 1) },
    gelu: { f: (x) => x * share(x), slope: (x) => share(x) + x * density(x) },
    elu: { f: (x) => (x < 0 ? Math.expm1(x) : x), slope: (x) => (x < 0 ? Math.exp(x) : 1) },
  };

  // ---- State ---------------------------------------------------------------------------------

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // Set a, b or x; with the lock on, a and b move together and neither leaves its range.
  function set(name, value) {
    if (name === "x") state.x = clamp(value, -REACH, REACH);
    else if (!state.lock) state[name] = clamp(value, LOW, HIGH);
    else {
      state.a = clamp(name === "a" ? value : value / 1.5, LOW / 1.5, HIGH / 1.5);
      state.b = 1.5 * state.a;
    }
  }

  function lock(on) {
    state.lock = on;
    if (on) set("a", state.a);
  }

  // An address such as #a=1&b=1.5 or #a=1&lock=1; false if it says nothing of a or b.
  function fromAddress() {
    const said = new URLSearchParams(location.hash.slice(1));
    const read = (name) => (said.get(name)?.trim() ? Number(said.get(name)) : NaN);
    const given = ["a", "b"].filter((name) => Number.isFinite(read(name)));
    if (given.length === 0) return false;
    state.lock = given.length === 1 && said.get("lock") === "1"; // the other one follows
    for (const name of given) set(name, read(name));
    lock(said.get("lock") === "1");
    return true;
  }

  function toAddress() {
    const { a, b } = state;
    history.replaceState(null, "", `#a=${a}&b=${b}${state.lock ? "&lock=1" : ""}`);
  }

  // ---- Drawing -------------------------------------------------------------------------------

  function chosen() {
    const boxes = [...root.querySelectorAll("[data-other]:checked")];
    return boxes.map((box) => [box.dataset.other, OTHERS[box.dataset.other]]);
  }

  function drawValues({ a, b, x }, is) {
    values.begin();
    for (const [name, other] of chosen()) values.curve(name, other.f);
    values.line("probe", [x, values.low], [x, values.high]);
    // Half of each tangent lies on the other side, where it shows the angle between them.
    values.line("left tangent", [-1.6, -1.6 * b], [1.6, 1.6 * b]);
    values.line("right tangent", [-1.6, -2.4 * a], [1.6, 2.4 * a]);
    values.curve("left", (t) => f(t, a, b), -REACH, 0);
    values.curve("right", (t) => f(t, a, b), 0, REACH);
    values.dot("zero", 0, 0);
    values.dot("probe", x, f(x, a, b));
    values.svg.setAttribute(
      "aria-label",
      `Curve of f: from ${number(f(-REACH, a, b))} at x = −${REACH} through 0 to ` +
        `${number(f(REACH, a, b))} at x = ${REACH}; ` +
        (is.smooth ? "smooth at 0" : `at 0 a kink from slope ${number(b)} to ${number(is.right)}`),
    );
  }

  function drawSlopes({ a, b, x }, is) {
    slopes.begin();
    for (const [name, other] of chosen()) {
      const left = name === "relu" ? () => 0 : (t) => other.slope(Math.min(t, -1e-9));
      slopes.curve(name, left, -REACH, 0);
      slopes.curve(name, other.slope, 0, REACH);
    }
    slopes.line("probe", [x, slopes.low], [x, slopes.high]);
    if (!is.smooth) slopes.line("jump", [0, b], [0, is.right]);
    slopes.curve("left", (t) => b * dv(t), -REACH, 0);
    slopes.curve("right", (t) => a * du(t), 0, REACH);
    if (!is.smooth) {
      slopes.dot("open", 0, b);
      slopes.note(number(b), 0, b, 1);
    }
    slopes.dot("zero", 0, is.right);
    slopes.note(number(is.right), 0, is.right, -1);
    slopes.dot("peak", PEAK.x, a * PEAK.du);
    slopes.note(number(a * PEAK.du), PEAK.x, a * PEAK.du, 0);
    slopes.dot("probe", x, slope(x, a, b));
    slopes.svg.setAttribute(
      "aria-label",
      `Slope of f: from ${number(slope(-REACH, a, b))} at x = −${REACH} to ${number(b)} just left ` +
        `of 0, ${number(is.right)} at 0, ${number(a * PEAK.du)} at x = ${number(PEAK.x)} and ` +
        `${number(slope(REACH, a, b))} at x = ${REACH}`,
    );
  }

  function probed({ a, b, x }, is) {
    const here = `x = ${number(x)}: f = ${number(f(x, a, b))}, f′ = ${number(slope(x, a, b))}`;
    return x === 0 && !is.smooth ? `${here} (by convention; ${number(b)} from the left)` : here;
  }

  // Show the state. The box that is being typed into is left alone.
  function show(typing = null) {
    const is = facts(state.a, state.b);
    for (const name of NAMES) {
      part(name).value = state[name];
      part(name).setAttribute("aria-valuetext", number(state[name]));
      const box = part(`${name}-box`);
      if (box !== typing) box.value = Number(state[name].toFixed(6));
    }
    part("lock").checked = state.lock;
    const told = words(state.a, state.b);
    for (const [name, text] of Object.entries(told)) part(name).textContent = text;
    part("probe").textContent = probed(state, is);
    drawValues(state, is);
    drawSlopes(state, is);
    return told;
  }

  // ---- Controls ------------------------------------------------------------------------------

  // One sentence, once the hand rests: a screen reader that told every step would never end.
  let waiting = 0;
  function later(told, name) {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const { a, b } = state;
      part("said").textContent =
        name === "x"
          ? part("probe").textContent
          : `a = ${number(a)}, b = ${number(b)}. At 0 ${told.zero}. Monotonic: ${told.monotone}.`;
      if (name !== "x") toAddress();
    }, 400);
  }

  function changed(name, typing = null) {
    later(show(typing), name);
  }

  for (const name of NAMES) {
    const [slider, box] = [part(name), part(`${name}-box`)];
    slider.addEventListener("input", () => {
      set(name, slider.valueAsNumber);
      changed(name);
    });
    // While it is typed a number may be half one ("-", "0."), or out of range.
    box.addEventListener("input", () => {
      const value = box.valueAsNumber;
      if (!(value >= Number(box.min) && value <= Number(box.max))) return;
      set(name, value);
      changed(name, box);
    });
    box.addEventListener("change", () => {
      const value = box.valueAsNumber;
      // What was set while it was typed is not set again: the lock may have changed it since.
      if (Number.isFinite(value) && !(value >= Number(box.min) && value <= Number(box.max)))
        set(name, value);
      changed(name);
    });
  }

  part("lock").addEventListener("change", (event) => {
    lock(event.target.checked);
    changed("a");
  });

  part("reset").addEventListener("click", () => {
    Object.assign(state, START);
    for (const box of root.querySelectorAll("[data-other]")) box.checked = false;
    changed("a");
  });

  for (const button of root.querySelectorAll("[data-a]"))
    button.addEventListener("click", () => {
      const unit = button.dataset.a === "unit";
      state.lock = false;
      set("a", unit ? UNIT : Number(button.dataset.a));
      set("b", unit ? 1.5 * UNIT : Number(button.dataset.b));
      changed("a");
    });

  for (const box of root.querySelectorAll("[data-other]"))
    box.addEventListener("change", () => show());

  for (const plot of [values, slopes])
    for (const kind of ["pointermove", "pointerdown"])
      plot.svg.addEventListener(kind, (event) => {
        set("x", Math.round(plot.at(event.clientX) * 100) / 100);
        changed("x");
      });

  part("form").addEventListener("submit", (event) => event.preventDefault());

  addEventListener("hashchange", () => {
    if (!fromAddress()) return;
    later(show(), "a");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    root.scrollIntoView({ behavior: still ? "auto" : "smooth" });
  });

  part("live").hidden = false;
  fromAddress();
  show();
  new ResizeObserver(() => show(document.activeElement)).observe(part("values"));
})();
