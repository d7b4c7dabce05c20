// What follows from a and b, as numbers and in words. True for either sign of both.
"use strict";

const APALU_FACTS = (() => {
  // The largest u', and where. From the arbitrary-precision oracle, as are the moments of
  // x ~ N(0, 1): E f = a U1 + b V1 and E f^2 = a^2 U2 + b^2 V2.
  const PEAK = { x: 1.40972813191273071, du: 2.09983932012886692 };
  const [U1, V1] = [0.739578697008541654, -0.238421708134876628];
  const [U2, V2] = [1.82051243165663782, 0.144945417492923863];

  // a for b = 3a/2 and E f^2 = 1 together.
  const UNIT = 1 / Math.sqrt(U2 + 2.25 * V2);

  // The supremum of f' and where it is: on the right f' is a times something from 1.5 to PEAK.du, on
  // the left b e^x, which comes close to b and to 0.
  function greatest(a, b) {
    const [right, left] = [PEAK.du * Math.max(a, 0), Math.max(b, 0)];
    if (right >= left && right > 0) return { slope: right, where: "peak" };
    if (left > 0) return { slope: left, where: "left of zero" };
    if (a === 0) return { slope: 0, where: b === 0 ? "everywhere" : "flat right" };
    return { slope: 0, where: b === 0 ? "flat left" : "far left" };
  }

  function least(a, b) {
    const { slope, where } = greatest(-a, -b);
    return { slope: 0 - slope, where };
  }

  // "increasing" and the like; "strictly" where no side is flat.
  function monotone(a, b) {
    if (a * b < 0) return "no";
    if (a === 0 && b === 0) return "constant";
    const rises = a > 0 || b > 0;
    if (a === 0 || b === 0) return rises ? "non-decreasing" : "non-increasing";
    return rises ? "strictly increasing" : "strictly decreasing";
  }

  function facts(a, b) {
    const right = 1.5 * a;
    // b = 1.5 a is rarely exact in binary.
    const smooth = Math.abs(right - b) <= 1e-12 * Math.max(Math.abs(right), Math.abs(b));
    const second = U2 * a * a + V2 * b * b;
    return {
      left: b,
      right,
      smooth,
      jump: smooth ? 0 : right - b,
      greatest: greatest(a, b),
      least: least(a, b),
      lipschitz: Math.max(PEAK.du * Math.abs(a), Math.abs(b)),
      monotone: monotone(a, b),
      farLeft: 0 - b,
      farRight: a === 0 ? 0 : a * Infinity,
      mean: U1 * a + V1 * b,
      second,
      gain: second > 0 ? 1 / Math.sqrt(second) : Infinity,
    };
  }

  // ---- In words ------------------------------------------------------------------------------

  // Four decimals, without zeros at their end; more digits where four would show nothing.
  function number(value) {
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const shown = Number(value.toFixed(4)) || Number(value.toPrecision(2));
    return String(shown).replaceAll("-", "−");
  }

  const WHERE = {
    peak: `at x = ${number(PEAK.x)}`,
    "left of zero": "approached as x rises to 0",
    "far left": "approached as x → −∞",
    "flat left": "everywhere on the left",
    "flat right": "everywhere on the right",
    everywhere: "everywhere",
  };

  function turning(a, b) {
    const kind = monotone(a, b);
    if (kind === "no")
      return a > 0
        ? "no: f falls to 0 at x = 0, then rises"
        : "no: f rises to 0 at x = 0, then falls";
    if (kind === "constant") return "f is 0 everywhere";
    if (a === 0) return `yes: ${kind}, and flat on the right`;
    if (b === 0) return `yes: ${kind}, and flat on the left`;
    return `yes: ${kind}`;
  }

  // One text for each line of the page, by the name of its element.
  function words(a, b) {
    const is = facts(a, b);
    const [left, right] = [number(is.left), number(is.right)];
    const zero = is.smooth
      ? `smooth: slope ${right} on both sides`
      : `kink: slope ${left} on the left, ${right} on the right, a jump of ${number(is.jump)}`;
    const [most, few] = [is.greatest, is.least];
    const steeper = PEAK.du * Math.abs(a) >= Math.abs(b) ? "2.0998 |a|" : "|b|";
    const far =
      a === 0 ? "0 as x → ∞" : `${number(is.farRight)} as x → ∞, where f comes close to 2ax`;
    return {
      zero,
      greatest: `${number(most.slope)}, ${WHERE[most.where]}`,
      least: `${number(few.slope)}, ${WHERE[few.where]}`,
      lipschitz: is.lipschitz === 0 ? "0" : `${number(is.lipschitz)} = ${steeper}`,
      monotone: turning(a, b),
      limits: `${number(is.farLeft)} as x → −∞; ${far}`,
      moments: `E f = ${number(is.mean)}, E f² = ${number(is.second)}`,
      gain:
        is.second === 0
          ? "none: nothing comes out"
          : `${number(is.gain)} = 1/√(E f²). Weights of variance gain²/n keep the signal’s second ` +
            `moment at 1; He’s, of variance 2/n, multiply it by ${number(2 * is.second)} at first`,
    };
  }

  return { PEAK, UNIT, facts, number, words };
})();

if (typeof module === "object") module.exports = APALU_FACTS;
