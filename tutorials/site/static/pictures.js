// A picture of a tutorial opens in its own size: on a phone its words are too small to be read.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const image of document.querySelectorAll(".sphx-glr-single-img, .sphx-glr-multi-img")) {
    const sources = (image.getAttribute("srcset") || image.src).split(",");
    const link = document.createElement("a");
    link.href = sources[sources.length - 1].trim().split(" ")[0]; // the last is the largest
    link.title = "Open the picture in its own size";
    link.className = "picture";
    image.replaceWith(link);
    link.append(image);
  }
});
