"use strict";
// The page without this script says the same; with it tables are sorted, the map of words moves, and headings are linked.

const choose = (id) => { const radio = document.getElementById(id); if (radio) radio.checked = true; };

function remember(name) {
  const key = `yeonma ${name}`;
  try { const kept = localStorage.getItem(key); if (kept) choose(kept); } catch { /* a page on a disk may have no storage */ }
  for (const radio of document.getElementsByName(name)) {
    radio.addEventListener("change", () => {
      try { localStorage.setItem(key, radio.id); } catch { /* as above */ }
      document.documentElement.lang = document.getElementById("ko").checked ? "ko" : "en";
      document.dispatchEvent(new Event("look"));
    });
  }
}

if (navigator.language.startsWith("ko")) choose("ko");
remember("language");
remember("theme");
document.documentElement.lang = document.getElementById("ko").checked ? "ko" : "en";

for (const heading of document.querySelectorAll("main h2[id]")) {
  const link = document.createElement("a");
  link.href = `#${heading.id}`;
  link.innerHTML = heading.innerHTML;
  document.querySelector("nav").append(link);
}

// On paper nothing can be unfolded.
const unfolded = [];
addEventListener("beforeprint", () => {
  unfolded.push(...document.querySelectorAll("details:not([open])"));
  for (const each of unfolded) each.open = true;
});
addEventListener("afterprint", () => { for (const each of unfolded.splice(0)) each.open = false; });
matchMedia("print").addEventListener("change", () => document.dispatchEvent(new Event("look"))); // in the ink of the paper

// -- tables ----------------------------------------------------------------------------------------------------------

const valueOf = (row, column) => {
  const cell = row.cells[column];
  const text = cell ? (cell.dataset.v ?? cell.textContent) : "";
  const number = text === "inf" ? Infinity : Number(text);
  return text.trim() === "" || Number.isNaN(number) ? text : number;
};

// A column of numbers alone is sorted by value, any other as text: "12" among words is a word.
function sort(table, column, head) {
  const down = head.getAttribute("aria-sort") !== "descending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows].map((row) => [row, valueOf(row, column)]);
  const told = ([, value]) => value !== "" && value !== "–";
  const known = rows.filter(told);
  const order = known.every(([, value]) => typeof value === "number")
    ? ([, a], [, b]) => (a > b) - (a < b)
    : ([, a], [, b]) => String(a).localeCompare(String(b));
  known.sort((a, b) => order(a, b) * (down ? -1 : 1));
  for (const [row] of [...known, ...rows.filter((each) => !told(each))]) table.tBodies[0].append(row); // no value: last
}

for (const table of document.querySelectorAll("table.sortable")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    head.tabIndex = 0;
    head.addEventListener("click", () => sort(table, column, head));
    head.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(table, column, head); } });
  });
}

// -- the map of words ------------------------------------------------------------------------------------------------

class WordMap {
  constructor(box) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    this.time = box.querySelector(".time");
    this.find = box.querySelector(".find");
    this.said = box.querySelector(".said");
    this.data = JSON.parse(box.querySelector("script").textContent);
    this.chosen = -1;
    this.written = this.data.words.map((word) => word.normalize("NFC").toLowerCase());
    const [x0, y0, x1, y1] = this.data.ends;
    const span = (...lists) => { const all = lists.flat(); return [Math.min(...all), Math.max(...all)]; };
    this.spanX = span(x0, x1);
    this.spanY = span(y0, y1);
    this.time.addEventListener("input", () => this.draw());
    this.find.addEventListener("input", () => this.search());
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("click", (event) => this.point(event));
    document.addEventListener("look", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  place(word, time) {
    const [x0, y0, x1, y1] = this.data.ends;
    const fit = (value, [low, high], size) => 24 + ((value - low) / (high - low || 1)) * (size - 48);
    const x = x0[word] + (x1[word] - x0[word]) * time;
    const y = y0[word] + (y1[word] - y0[word]) * time;
    return [fit(x, this.spanX, this.wide), this.high - fit(y, this.spanY, this.high)];
  }

  draw() {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    [this.wide, this.high] = [canvas.clientWidth, canvas.clientHeight];
    if (!this.wide) return;
    [canvas.width, canvas.height] = [this.wide * scale, this.high * scale];
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const style = getComputedStyle(document.body);
    const [ink, faint, blue] = ["--ink", "--faint", "--blue"].map((name) => style.getPropertyValue(name));
    pen.font = `12px ${style.fontFamily}`;
    const time = this.time.value / 100;
    const most = Math.max(...this.data.moved) || 1;
    const taken = [];
    for (let word = 0; word < this.data.words.length; word++) {
      const [x, y] = this.place(word, time);
      pen.globalAlpha = 0.25 + 0.75 * Math.min(1, this.data.moved[word] / most);
      pen.fillStyle = this.data.moved[word] ? blue : faint;
      pen.beginPath();
      pen.arc(x, y, 2.4, 0, 7);
      pen.fill();
      const free = taken.every(([a, b]) => Math.abs(a - x) > 58 || Math.abs(b - y) > 13);
      if (free) {
        taken.push([x, y]);
        pen.fillStyle = ink;
        pen.fillText(this.data.words[word], x + 4, y - 3);
      }
    }
    pen.globalAlpha = 1;
    if (this.chosen >= 0) this.mark(pen, ink, blue);
  }

  mark(pen, ink, blue) {
    const [from, to] = [this.place(this.chosen, 0), this.place(this.chosen, 1)];
    pen.strokeStyle = blue;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    for (const [time, [x, y]] of [[0, from], [1, to]]) {
      pen.beginPath();
      pen.arc(x, y, 6, 0, 7);
      time ? (pen.fillStyle = blue, pen.fill()) : pen.stroke();
    }
    const [x, y] = this.place(this.chosen, this.time.value / 100);
    pen.font = pen.font.replace("12px", "bold 15px");
    pen.fillStyle = ink;
    pen.fillText(this.data.words[this.chosen], x + 8, y - 8);
  }

  choose(word) {
    if (word === this.chosen) return;
    this.chosen = word;
    this.said.textContent = "";
    if (word >= 0) {
      const [before, after] = this.data.near.map((end) => end[word]);
      const line = (text, words, other, kind) => {
        const part = document.createElement("span");
        part.append(text);
        for (const each of words) {
          const item = document.createElement("i");
          item.textContent = each;
          if (!other.includes(each)) item.className = kind;
          part.append(item, " ");
        }
        return part;
      };
      const name = document.createElement("b");
      name.textContent = `${this.data.words[word]} `;
      this.said.append(name, `${this.data.moved[word]}: `, line("", before, after, "gone"), " → ", line("", after, before, "come"));
    }
    this.draw();
  }

  search() {
    const text = this.find.value.trim().normalize("NFC");
    const low = text.toLowerCase();
    const ways = [(word, i) => this.data.words[i] === text, (word) => word === low, (word) => word.startsWith(low)];
    const found = ways.map((way) => this.written.findIndex(way));
    const word = text === "" ? -1 : found.find((each) => each >= 0) ?? -1;
    this.choose(word);
    if (word < 0) this.said.textContent = text === "" ? "" : `${text}: –`; // not on the map
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best = [-1, 400];
    this.data.words.forEach((_, word) => {
      const [a, b] = this.place(word, this.time.value / 100);
      const far = (a - x) ** 2 + (b - y) ** 2;
      if (far < best[1]) best = [word, far];
    });
    if (best[0] >= 0) this.choose(best[0]);
  }
}

for (const box of document.querySelectorAll(".map")) new WordMap(box);
