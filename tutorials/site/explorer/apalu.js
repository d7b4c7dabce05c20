// APALU for one x: what the explorer draws and what its numbers are made of.
//
// A classic script, so that the page works from a file; Node can require it as well. subject.mjs
// makes a program of it that apalu-ref checks.
"use strict";

const APALU = (() => {
  const KAPPA = 1.702;

  // z = KAPPA x, s = sigma(z) and c = sigma(-z), for x >= 0: one minus s would cancel. Beyond 500
  // nothing changes any more, and without the limit z c would be inf * 0 at last.
  function sigmoids(x) {
    const z = KAPPA * Math.min(x, 500);
    const t = Math.exp(-z);
    const s = 1 / (1 + t);
    return { z, s, c: t * s };
  }

  const gate = (x) => 1 + sigmoids(x).s;

  // The slope of the right side, u(x) = x gate(x) for x >= 0: 1.5 at 0, 2.0998 at most, 2 far out.
  function du(x) {
    const { z, s, c } = sigmoids(x);
    return 1 + s + z * s * c;
  }

  // The left side, x < 0, and its slope. e^x - 1 as written would lose its digits near 0.
  const v = (x) => Math.expm1(x);
  const dv = (x) => Math.exp(x);

  // a x first: u alone may overflow where a u does not. So for gy in the gradient of a.
  const f = (x, a, b) => (x < 0 ? b * v(x) : a * x * gate(x));

  // At 0, where the sides meet, the slope of the right one.
  const slope = (x, a, b) => (x < 0 ? b * dv(x) : a * du(x));

  // What an x adds to the gradients of x, a and b, where gy is that of f. Each parameter has its
  // own side and gets 0 from the other; NaN belongs to both.
  function gradients(x, a, b, gy) {
    const dx = gy * slope(x, a, b);
    if (x < 0) return { dx, da: 0, db: gy * v(x) };
    if (x >= 0) return { dx, da: gy * x * gate(x), db: 0 };
    return { dx, da: x, db: x };
  }

  return { KAPPA, du, v, dv, f, slope, gradients };
})();

if (typeof module === "object") module.exports = APALU;
