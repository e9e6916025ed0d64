// The camera on the page of the live picture: meters of light and focus, and a region that is drawn on the picture.
"use strict";

{
  const camera = document.getElementById("camera"), live = document.getElementById("live");
  const canvas = live.querySelector("canvas"), drawn = live.querySelector(".drawn");
  const limits = camera.dataset;
  // Sharpness is measured in a picture of at most this width: there a face at the door has about the size of the crop in which the
  // door measures, and the noise of the camera counts less.
  const WIDTH = 640;
  // Often enough to turn a lens by it, and no load for a phone.
  const PAUSE_MS = 500;

  const meters = camera.querySelector("[data-meters]");
  const small = document.createElement("canvas"), pixels = small.getContext("2d", { willReadFrequently: true });
  let last = 0;
  canvas.addEventListener("picture", () => {
    const now = performance.now();
    if (now - last < PAUSE_MS) return;
    last = now;
    const { light, sharpness } = measure();
    camera.querySelector("[data-light]").textContent = `${Math.round(100 * light)} %`;
    camera.querySelector("[data-focus]").textContent = Math.round(sharpness);
    const isDark = light < limits.dark, isBright = light > limits.bright, isBlurred = sharpness < limits.blurred;
    const words = { dark: isDark, bright: isBright, lit: !isDark && !isBright, blurred: isBlurred, sharp: !isBlurred };
    for (const word of camera.querySelectorAll("[data-is]")) word.hidden = !words[word.dataset.is];
    meters.hidden = false;
  });

  // The mean of the luma, 0 to 1, and the variance of its Laplacian, gray levels squared, as the door measures them in faces.
  function measure() {
    const width = Math.min(WIDTH, canvas.width), height = Math.max(3, Math.round(canvas.height * width / canvas.width));
    [small.width, small.height] = [width, height];
    pixels.drawImage(canvas, 0, 0, width, height);
    const { data } = pixels.getImageData(0, 0, width, height);
    const luma = new Float32Array(width * height);
    let sum = 0;
    for (let at = 0; at < luma.length; at++) {
      luma[at] = 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
      sum += luma[at];
    }
    let total = 0, squares = 0;
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const at = y * width + x;
        const laplacian = luma[at - 1] + luma[at + 1] + luma[at - width] + luma[at + width] - 4 * luma[at];
        total += laplacian;
        squares += laplacian * laplacian;
      }
    }
    const count = (width - 2) * (height - 2);
    return { light: sum / luma.length / 255, sharpness: squares / count - (total / count) ** 2 };
  }

  // The region, which can be typed too.
  const draw = camera.querySelector("[data-draw]"), form = camera.querySelector("form[data-left]");
  let start = null;
  draw.hidden = false;
  draw.addEventListener("click", () => {
    const isDrawing = draw.getAttribute("aria-pressed") !== "true";
    draw.setAttribute("aria-pressed", isDrawing);
    // Else a finger scrolls the page.
    canvas.classList.toggle("drawing", isDrawing);
    if (isDrawing) canvas.scrollIntoView({ block: "nearest" });
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (draw.getAttribute("aria-pressed") !== "true" || !event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    start = place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (start && event.isPrimary) show(start, place(event));
  });
  canvas.addEventListener("pointerup", (event) => {
    if (start && event.isPrimary) show(start, place(event));
    start = null;
  });
  canvas.addEventListener("pointercancel", () => { start = null; });

  // Where a pointer is, as a share of the picture.
  function place(event) {
    const box = canvas.getBoundingClientRect(), share = (value) => Math.min(1, Math.max(0, value));
    return [share((event.clientX - box.left) / box.width), share((event.clientY - box.top) / box.height)];
  }

  function show([x0, y0], [x1, y1]) {
    const [left, top, width, height] = [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];
    for (const [side, value] of Object.entries({ left, top, width, height })) drawn.style[side] = `${100 * value}%`;
    drawn.hidden = false;
    // A picture that shows a region only begins at its corner.
    const x = Math.round(left * canvas.width), y = Math.round(top * canvas.height);
    form.elements.x.value = x + Number(form.dataset.left);
    form.elements.y.value = y + Number(form.dataset.top);
    form.elements.width.value = Math.max(1, Math.min(Math.round(width * canvas.width), canvas.width - x));
    form.elements.height.value = Math.max(1, Math.min(Math.round(height * canvas.height), canvas.height - y));
  }
}
