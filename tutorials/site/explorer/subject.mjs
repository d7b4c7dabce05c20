// The explorer's own formula as a program to be checked:
//
//     apalu-ref check "node tutorials/site/explorer/subject.mjs"
//
// The arrays and the files are those of tutorials/subjects/apalu.mjs.

import APALU from "./apalu.js";
import { main } from "../../subjects/apalu.mjs";

main({
  yOf: APALU.f,
  dxOf: (x, a, b, gy) => APALU.gradients(x, a, b, gy).dx,
  dparametersOf: (x, gy) => {
    const { da, db } = APALU.gradients(x, 1, 1, gy);
    return [da, db];
  },
});
