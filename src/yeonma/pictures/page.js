"use strict";
// Draws the paths that came with the page. No rule stands here: every point was walked by the functions that train.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const PACE = 10; // steps a second
const DOT = 13, RING = 36; // radii in units of the picture
const shown = { surface: "ravine", rate: data.multipliers.indexOf(1), step: 0 };
const lines = new Map(); // rule → what is drawn of it
let playing = false;
let last = 0; // when the last frame was drawn; a first frame may be stamped earlier than the click

function svg(kind, attributes, parent) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", kind);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
}

function both(words, step) {
  return ["en", "ko"].map((each) => `<span lang="${each}">${words[each].replace("{step}", step)}</span>`).join("");
}

/** The points of a path: the first, then differences. */
function decoded(flat) {
  const points = [[flat[0], flat[1]]];
  for (let i = 2; i < flat.length; i += 2) {
    const [x, y] = points[points.length - 1];
    points.push([x + flat[i], y + flat[i + 1]]);
  }
  return points;
}

function ground() {
  const { size, bands, ends } = data.surfaces[shown.surface];
  const picture = byId("picture");
  picture.replaceChildren();
  picture.style.aspectRatio = `${size[0]} / ${size[1]}`;
  picture.setAttribute("viewBox", `-20 -20 ${size[0] + 40} ${size[1] + 40}`);
  bands.forEach((d, i) => svg("path", { d, class: "band", fill: data.shades[i] }, picture));
  svg("rect", { width: size[0], height: size[1], class: "edge" }, picture);
  for (const rule of data.rules) lines.set(rule.name, line(rule, picture));
  const [[x, y], end] = ends;
  svg("circle", { cx: x, cy: y, r: RING, class: "end" }, picture);
  if (end) svg("path", { d: `M${end[0] - 60} ${end[1]}h120M${end[0]} ${end[1] - 60}v120`, class: "end" }, picture);
  for (const rule of data.rules) picture.append(lines.get(rule.name).head);
}

function line(rule, picture) {
  const group = svg("g", {}, picture);
  const dot = svg("marker", { id: `dot-${rule.name}`, markerUnits: "userSpaceOnUse", markerWidth: 2 * DOT,
    markerHeight: 2 * DOT, refX: DOT, refY: DOT }, group);
  svg("circle", { cx: DOT, cy: DOT, r: DOT, fill: rule.colour }, dot);
  const casing = svg("polyline", { class: rule.wide ? "casing wide" : "casing" }, group);
  const path = svg("polyline", { class: rule.wide ? "path wide" : "path", stroke: rule.colour,
    "marker-mid": `url(#dot-${rule.name})` }, group);
  const head = svg("path", { d: rule.mark, class: "head", fill: rule.colour });
  return { group, casing, path, head, points: [] };
}

/** Take up the paths of the chosen surface and rate. */
function load() {
  for (const rule of data.rules) {
    const walk = data.walks[shown.surface][rule.name];
    lines.get(rule.name).points = decoded(walk.paths[shown.rate]);
    const rate = walk.rate * data.multipliers[shown.rate];
    byId(`rate-${rule.name}`).textContent = Number(rate.toPrecision(3));
  }
  byId("rate-shown").textContent = `× ${Number(data.multipliers[shown.rate].toPrecision(3))}`;
  draw();
}

function draw() {
  const whole = Math.floor(shown.step), part = shown.step - whole;
  for (const rule of data.rules) {
    const { casing, path, head, points } = lines.get(rule.name);
    const walked = points.slice(0, whole + 1);
    const [x, y] = walked[walked.length - 1], next = points[whole + 1];
    if (next && part) walked.push([x + part * (next[0] - x), y + part * (next[1] - y)]);
    const text = walked.join(" ");
    casing.setAttribute("points", text);
    path.setAttribute("points", text);
    head.setAttribute("transform", `translate(${walked[walked.length - 1].join(" ")})`);
    outcome(rule.name, whole);
  }
  byId("step").value = whole;
  byId("step-shown").textContent = `${whole} / ${data.steps}`;
}

/** What has become of a path by this step. */
function outcome(rule, step) {
  const walk = data.walks[shown.surface][rule], left = walk.left[shown.rate], arrived = walk.arrived[shown.rate];
  const { words } = data;
  let said = "";
  if (left !== null && step >= left) said = both(words.left, left);
  else if (arrived !== null && step >= arrived) said = both(words.arrived, arrived);
  else if (step >= data.steps) said = both(data.surfaces[shown.surface].ends.length > 1 ? words.on_the_way : words.stays, step);
  const cell = byId(`outcome-${rule}`);
  if (cell.innerHTML !== said) cell.innerHTML = said;
}

function frame(now) {
  if (!playing) return;
  shown.step = Math.min(data.steps, shown.step + (Math.max(0, now - last) / 1000) * PACE);
  last = now;
  draw();
  if (shown.step >= data.steps) play(false);
  else requestAnimationFrame(frame);
}

function play(wanted) {
  if (wanted && shown.step >= data.steps) shown.step = 0;
  if (wanted === playing) return;
  playing = wanted;
  last = performance.now();
  byId("play").classList.toggle("playing", wanted);
  if (wanted) requestAnimationFrame(frame);
}

function choose(surface) {
  shown.surface = surface;
  shown.step = 0;
  ground();
  for (const rule of data.rules) hide(rule.name);
  load();
}

function hide(rule) {
  const { group, head } = lines.get(rule), wanted = byId(`show-${rule}`).checked ? "inline" : "none";
  for (const part of [group, head]) part.setAttribute("display", wanted);
}

function focus(name) {
  for (const [rule, { group, head }] of lines) {
    for (const part of [group, head]) part.classList.toggle("dim", name !== null && rule !== name);
  }
  const rule = data.rules.find((each) => each.name === name);
  if (rule) byId("formula").textContent = `${rule.title} (${rule.paper})\n${rule.formula}`;
}

function row(rule) {
  const cells = document.createElement("tr");
  cells.innerHTML = `<td><label><input type="checkbox" checked id="show-${rule.name}"><svg viewBox="-200 -90 400 180">` +
    `<path d="M-190 0H190" stroke="${rule.colour}" stroke-width="${rule.wide ? 70 : 34}"/><path d="${rule.mark}" ` +
    `fill="${rule.colour}"/></svg>${rule.title}</label></td><td id="rate-${rule.name}"></td><td id="outcome-${rule.name}"></td>`;
  cells.addEventListener("pointerenter", () => focus(rule.name));
  cells.addEventListener("pointerleave", () => focus(null));
  cells.addEventListener("focusin", () => focus(rule.name));
  cells.addEventListener("focusout", () => focus(null));
  byId("rules").append(cells);
  byId(`show-${rule.name}`).addEventListener("change", () => hide(rule.name));
}

data.rules.forEach(row);
document.querySelectorAll("[name=surface]").forEach((button) => {
  button.checked = button.value === shown.surface;
  button.addEventListener("change", () => { choose(button.value); play(true); });
});
byId("rate").addEventListener("input", (event) => { shown.rate = Number(event.target.value); load(); });
byId("step").addEventListener("input", (event) => { play(false); shown.step = Number(event.target.value); draw(); });
byId("play").addEventListener("click", () => play(!playing));
if (navigator.language.startsWith("ko")) byId("ko").checked = true;
choose(shown.surface);
focus(data.rules[data.rules.length - 1].name);
focus(null);
if (matchMedia("(prefers-reduced-motion: reduce)").matches) { shown.step = data.steps; draw(); } else play(true);
