// APALU in JavaScript, as a program that can be checked, and that checks itself against the
// golden vectors. For Node, without packages.
//
//     apalu-ref check --adapter exec "node apalu.mjs"
//     node apalu.mjs --vectors FILE.json
//
// The first part is the function itself, for one x: the part to copy. The second applies it to
// arrays whose shapes broadcast, and sums each gradient back to the shape of its input. The
// third reads and writes files. All arithmetic is in double; float32 is rounded once, at the end.

import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// ---- The function ---------------------------------------------------------------------------

const KAPPA = 1.702;

// z = KAPPA x, sigma(z) and sigma(-z) for x >= 0. One minus sigma(z) would cancel.
// Beyond 500 nothing changes any more, and without the limit z * sigma(-z) is inf * 0 at last.
function sigmoids(x) {
  const z = KAPPA * Math.min(x, 500); // Math.min keeps NaN
  const t = Math.exp(-z);
  const s = 1 / (1 + t);
  return [z, s, t * s];
}

function yOf(x, a, b) {
  if (x < 0) return b * Math.expm1(x); // exp(x) - 1 cancels near 0
  const [, s] = sigmoids(x);
  return a * x * (1 + s); // a times x first: x (1 + s) may overflow where the whole does not
}

// At x = 0 and -0 the slope is the right one, a (1 + 1/2).
function dxOf(x, a, b, gy) {
  if (x < 0) {
    const root = Math.exp(x / 2); // e^x may underflow where gy b e^x does not
    return gy * root * (b * root);
  }
  const [z, s, c] = sigmoids(x);
  return gy * a * (1 + s + z * s * c);
}

// What one element gives to the gradients of a and b. Each has its own half of the axis, and gets
// 0 from the other, whatever gy is; NaN belongs to both.
function dparametersOf(x, gy) {
  if (x < 0) return [0, gy * Math.expm1(x)];
  if (x >= 0) return [gy * x * (1 + sigmoids(x)[1]), 0];
  return [x, x];
}

const FORMULA = { yOf, dxOf, dparametersOf };

// ---- Arrays: { dtype, shape, values }, values in C order -------------------------------------

// The shape to which shapes broadcast, by NumPy's rules: they are aligned at their last axis, and
// a size of 1, or an axis that is not there, is stretched. null if they do not fit.
function broadcast(shapes) {
  const result = new Array(Math.max(...shapes.map((s) => s.length))).fill(1);
  for (const shape of shapes)
    for (const [own, n] of shape.entries()) {
      const axis = own + result.length - shape.length;
      if (n !== 1 && result[axis] !== 1 && n !== result[axis]) return null;
      if (n !== 1) result[axis] = n;
    }
  return result;
}

// How far to go in an array for a step along each axis of the whole: nowhere along a stretched one.
function steps(shape, whole) {
  const result = new Array(whole.length).fill(0);
  for (let own = shape.length - 1, size = 1; own >= 0; size *= shape[own--])
    if (shape[own] !== 1) result[own + whole.length - shape.length] = size;
  return result;
}

const count = (shape) => shape.reduce((a, b) => a * b, 1);

// Neumaier's sum: what an addition rounds away is kept, and added at the end.
class Sums {
  constructor(like) {
    this.like = like;
    this.sums = new Float64Array(count(like.shape));
    this.lost = new Float64Array(this.sums.length);
  }

  add(i, term) {
    const before = this.sums[i];
    const sum = before + term;
    const large = Math.abs(before) >= Math.abs(term);
    this.lost[i] += large ? before - sum + term : term - sum + before;
    this.sums[i] = sum;
  }

  // Where a sum is not finite, what was lost is inf - inf.
  array() {
    const values = this.sums.map((sum, i) => (Number.isFinite(sum) ? sum + this.lost[i] : sum));
    return rounded(this.like.dtype, this.like.shape, values);
  }
}

function rounded(dtype, shape, values) {
  return { dtype, shape, values: dtype === "float32" ? values.map(Math.fround) : values };
}

function apalu(formula, x, a, b, gy) {
  const { yOf, dxOf, dparametersOf } = formula;
  const inputs = [x, a, b];
  const shape = broadcast(inputs.map((t) => t.shape));
  const y = new Float64Array(count(shape));
  const gradients = inputs.map((t) => new Sums(t));
  const step = inputs.map((t) => steps(t.shape, shape));
  const at = [0, 0, 0];
  const index = new Array(shape.length).fill(0);
  for (let i = 0; i < y.length; i++) {
    const [xi, ai, bi] = inputs.map((t, k) => t.values[at[k]]);
    y[i] = yOf(xi, ai, bi);
    const [da, db] = dparametersOf(xi, gy.values[i]);
    [dxOf(xi, ai, bi, gy.values[i]), da, db].forEach((term, k) => gradients[k].add(at[k], term));
    // The next element: the last axis is counted up first, with a carry to the left.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      for (let k = 0; k < 3; k++) at[k] += step[k][axis];
      if (++index[axis] < shape[axis]) break;
      for (let k = 0; k < 3; k++) at[k] -= index[axis] * step[k][axis];
      index[axis] = 0;
    }
  }
  const wide = inputs.some((t) => t.dtype === "float64");
  const [dx, da, db] = gradients.map((sums) => sums.array());
  return { y: rounded(wide ? "float64" : "float32", shape, y), dx, da, db };
}

// ---- Files ----------------------------------------------------------------------------------

const ITEM = { float64: 8, int64: 8, float32: 4, int32: 4, float16: 2, bfloat16: 2 };
const READ = { float64: "readDoubleLE", float32: "readFloatLE" }; // also what is implemented
const WRITE = { float64: "writeDoubleLE", float32: "writeFloatLE" };

// The records of a request, each a Map of arrays by name; values are absent for other types.
function* records(data) {
  let place = 0;
  const line = () => {
    const end = data.indexOf(10, place);
    if (end < 0) throw new Error("the request is cut off");
    const text = data.toString("latin1", place, end);
    place = end + 1;
    return text;
  };
  while (place < data.length) {
    if (line() !== "apalu-request 1") throw new Error("this is not a request of version 1");
    line(); // the probe's name
    const arrays = new Map();
    for (let text; (text = line()) !== "data"; ) {
      const [name, dtype, ...sizes] = text.split(" ");
      if (!(dtype in ITEM)) throw new Error(`unknown dtype ${dtype}`);
      arrays.set(name, { dtype, shape: sizes.map(Number) });
    }
    for (const t of arrays.values()) {
      const bytes = count(t.shape) * ITEM[t.dtype];
      if (!(place + bytes <= data.length)) throw new Error("the data of the request is cut off");
      if (t.dtype in READ) {
        t.values = new Float64Array(count(t.shape));
        for (let i = 0; i < t.values.length; i++)
          t.values[i] = data[READ[t.dtype]](place + i * ITEM[t.dtype]);
      }
      place += bytes;
    }
    yield arrays;
  }
}

function refusal(arrays) {
  if ([...arrays.keys()].join() !== "x,a,b,gy") return "the parameters are a and b";
  const [x, a, b, gy] = arrays.values();
  if (![x, a, b, gy].every((t) => t.dtype in READ)) return "only float64 and float32 are implemented";
  if (!broadcast([x.shape, a.shape, b.shape])) return "the shapes of x, a and b do not broadcast";
  return "";
}

function answerTo(formula, arrays) {
  const reason = refusal(arrays);
  if (reason) return Buffer.from(`apalu-answer 1\nrefused ${reason}\n`);
  const results = Object.entries(apalu(formula, ...arrays.values()));
  const lines = results.map(([name, t]) => [name, t.dtype, ...t.shape].join(" "));
  const data = results.map(([, { dtype, values }]) => {
    const bytes = Buffer.alloc(values.length * ITEM[dtype]);
    values.forEach((value, i) => bytes[WRITE[dtype]](value, i * ITEM[dtype]));
    return bytes;
  });
  return Buffer.concat([Buffer.from(["apalu-answer 1", ...lines, "data\n"].join("\n")), ...data]);
}

// ---- Golden vectors -------------------------------------------------------------------------

function fromBits(text, dtype) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(text));
  return bytes[READ[dtype]](0);
}

// One test is a call; where it has no shapes, of single numbers.
function isRight(formula, test, dtype) {
  const numbers = (name) => [test[name]].flat().map((text) => fromBits(text, dtype));
  const [x, a, b, gy] = ["x", "a", "b", "gy"].map((name) => ({
    dtype,
    shape: test.shapes?.[name] ?? [],
    values: numbers(name),
  }));
  const got = apalu(formula, x, a, b, gy);
  return ["y", "dx", "da", "db"].every((name) => {
    if (!(name in test)) return true; // not asked
    const within = [test.core?.[name] ?? []].flat();
    const want = numbers(name);
    if (got[name].values.length !== want.length) return false;
    return want.every((exact, i) => {
      const value = got[name].values[i];
      if (!Number.isFinite(exact)) return Object.is(value, exact);
      // The limits at infinity come without a tolerance.
      return Math.abs(value - exact) <= (within[i] ?? Math.abs(exact) * 2 ** -20);
    });
  });
}

function checkVectors(formula, path) {
  const groups = JSON.parse(readFileSync(path, "utf8")).testGroups;
  const mine = groups.filter((group) => group.dtype in READ);
  const tests = mine.flatMap((group) => group.tests.map((test) => [test, group.dtype]));
  const off = tests.filter(([test, dtype]) => !isRight(formula, test, dtype));
  for (const [test] of off.slice(0, 10)) console.log(`off: tcId ${test.tcId}: ${test.comment}`);
  const skipped = groups.flatMap((group) => group.tests).length - tests.length;
  console.log(`${tests.length} vectors checked, ${off.length} off, ${skipped} skipped`);
  return off.length > 0 || tests.length === 0 ? 1 : 0;
}

// The program, for the formula above or another module's: an object with the same three functions.
export function main(formula) {
  const [first, second] = process.argv.slice(2);
  if (second === undefined) {
    console.error("usage: node apalu.mjs REQUEST ANSWER, or node apalu.mjs --vectors FILE.json");
    process.exitCode = 2;
  } else if (first === "--vectors") {
    process.exitCode = checkVectors(formula, second);
  } else {
    const answers = [...records(readFileSync(first))].map((arrays) => answerTo(formula, arrays));
    writeFileSync(second, Buffer.concat(answers));
  }
}

// Not where another module imports this one.
const started = process.argv[1] && realpathSync(process.argv[1]);
if (started === realpathSync(fileURLToPath(import.meta.url))) main(FORMULA);
