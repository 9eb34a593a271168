// The logs of a run: unpacked from the page, filtered, and shown as far as they are in sight.
// Also the links from everywhere else to the moment in the logs. The layout of a chunk is told in log_pack.py.
"use strict";
(() => {
  const ROW = 18;             // pixels, as in the style sheet
  const LINES_BEFORE = 8;     // what led to a moment is seen above it
  const TALLEST = 8_000_000;  // pixels: browsers draw no element that is much taller
  const byId = (id) => document.getElementById(id);
  const facts = JSON.parse(byId("log-facts").textContent);
  const view = byId("log-view");

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const source = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source); // a page from disk may not be allowed to copy
      }
    });
  }
  if (!view) return;

  const times = new Float64Array(facts.lines);   // milliseconds since the run began
  const nodes = new Uint16Array(facts.lines);
  const levels = new Uint8Array(facts.lines);
  const numbers = new Uint32Array(facts.lines);  // of the line in its node's log
  const chunks = [];                             // {first, count, text, lower, starts, lowerStarts}
  let found = new Uint32Array(0);                // the lines that are wanted
  let picked = -1;
  let scale = 1;

  function bytesOf(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    const binary = atob(base64);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  }

  function unpacked(element) {
    const stream = new Blob([bytesOf(element.textContent)]).stream();
    element.remove();
    return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  }

  function startsOf(text, count) {
    const starts = new Uint32Array(count + 1);
    for (let line = 1, at = 0; line <= count; line++) starts[line] = at = text.indexOf("\n", at) + 1;
    return starts;
  }

  function take(buffer, first) {
    const count = new DataView(buffer).getUint32(0, true);
    const gaps = new Uint32Array(buffer, 4, count);
    nodes.set(new Uint16Array(buffer, 4 + 4 * count, count), first);
    levels.set(new Uint8Array(buffer, 4 + 6 * count, count), first);
    let now = first ? times[first - 1] : facts.zeroMs - gaps[0];
    for (let i = 0; i < count; i++) times[first + i] = now += gaps[i];
    for (let i = first; i < first + count; i++) numbers[i] = facts.firstNumbers[nodes[i]]++;
    const text = new TextDecoder().decode(new Uint8Array(buffer, 4 + 7 * count));
    const lower = text.toLowerCase();
    const starts = startsOf(text, count);
    const lowerStarts = lower.length === text.length ? starts : startsOf(lower, count);
    chunks.push({ first, count, text, lower, starts, lowerStarts });
    return count;
  }

  async function read() {
    let first = 0;
    const buffers = [...document.querySelectorAll("script.chunk")].map(unpacked);
    for (const buffer of buffers) first += take(await buffer, first);
    document.documentElement.dataset.logs = "ready";
    performance.mark("logs ready");
    filter();
    const cause = document.querySelector("#cause [data-ns]");
    if (cause) showMoment(cause);
  }

  function filter() {
    performance.mark("filter began");
    const atLeast = Number(byId("log-level").value);
    const text = byId("log-text").value.toLowerCase();
    const wanted = new Uint8Array(facts.nodes.length);
    for (const box of document.querySelectorAll(".log-node")) wanted[box.value] = box.checked ? 1 : 0;
    const kept = new Uint32Array(facts.lines);
    let count = 0;
    for (const chunk of chunks) {
      let line = 0;
      let at = 0;
      while (line < chunk.count) {
        if (text) {
          at = chunk.lower.indexOf(text, chunk.lowerStarts[line]);
          if (at < 0) break;
          line = lineAt(chunk.lowerStarts, at, line);
        }
        const i = chunk.first + line;
        // A line without a level is shown at any.
        if (wanted[nodes[i]] && (levels[i] >= atLeast || !levels[i])) kept[count++] = i;
        line++;
      }
    }
    found = kept.subarray(0, count);
    const height = Math.max(count, 1) * ROW;
    scale = Math.max(1, height / TALLEST);
    byId("log-height").style.height = `${Math.min(height, TALLEST)}px`;
    byId("log-count").textContent = count === facts.lines
      ? `${count.toLocaleString("en")} lines`
      : `${count.toLocaleString("en")} of ${facts.lines.toLocaleString("en")} lines`;
    if (picked >= 0) scrollTo(rowOf((i) => i >= picked)); // the moment that is looked at stays in sight
    draw();
    performance.measure("filter", "filter began");
  }

  // The line that holds a position: the last that starts no later, looked for from `low` on.
  function lineAt(starts, at, low) {
    let step = 1;
    while (low + step < starts.length && starts[low + step] <= at) step *= 2;
    let high = Math.min(low + step, starts.length);
    low += step >> 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= at) low = middle; else high = middle;
    }
    return low;
  }

  function textOf(i) {
    const chunk = chunks[Math.floor(i / chunks[0].count)];
    const line = i - chunk.first;
    return chunk.text.slice(chunk.starts[line], chunk.starts[line + 1] - 1);
  }

  const seconds = (i) => `${(times[i] / 1000).toFixed(3)} s`;
  const longest = Math.max(...facts.nodes.map((name) => name.length));

  function draw() {
    const shown = Math.ceil(view.clientHeight / ROW) + 1;
    const top = Math.min(Math.floor((view.scrollTop * scale) / ROW), Math.max(found.length - shown + 2, 0));
    const rows = [];
    for (let row = top; row < Math.min(top + shown, found.length); row++) {
      const i = found[row];
      const element = document.createElement("div");
      element.className = `l${levels[i]}${i === picked ? " picked" : ""}`;
      element.dataset.line = i;
      element.textContent =
        `${seconds(i).padStart(12)}  ${facts.nodes[nodes[i]].padEnd(longest)}  ` +
        `${facts.levels[levels[i]].padEnd(11)}  ${textOf(i).replaceAll("\v", " ⏎ ")}`;
      rows.push(element);
    }
    byId("log-rows").replaceChildren(...rows);
  }

  function show(i) {
    picked = i;
    const node = facts.nodes[nodes[i]];
    const wall = facts.epochMs === null ? "" : new Date(facts.epochMs + times[i] - facts.zeroMs).toISOString();
    const line = byId("log-line");
    line.hidden = false;
    line.textContent =
      `nodes/${node}/daemon.log:${numbers[i]}   ${seconds(i)} after the run began   ${wall}   ` +
      `${facts.levels[levels[i]]}\n${textOf(i).replaceAll("\v", "\n")}`;
    draw();
  }

  // The row of the first wanted line that `isReached` holds for, as it does for all after it; else the last one.
  function rowOf(isReached) {
    let low = 0;
    let high = found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isReached(found[middle])) high = middle; else low = middle + 1;
    }
    return Math.max(Math.min(low, found.length - 1), 0);
  }

  function scrollTo(row) {
    view.scrollTop = (Math.max(row - LINES_BEFORE, 0) * ROW) / scale;
  }

  function showMoment(place) {
    const ms = Number(place.dataset.ns) / 1e6;
    const row = rowOf((i) => times[i] >= ms);
    if (!found.length) return;
    scrollTo(row);
    show(found[row]);
  }

  byId("log-filter").addEventListener("input", filter);
  byId("log-filter").addEventListener("submit", (event) => event.preventDefault());
  view.addEventListener("scroll", draw);
  new ResizeObserver(draw).observe(view);
  byId("log-rows").addEventListener("click", (event) => {
    const row = event.target.closest("[data-line]");
    if (row && !String(getSelection())) show(Number(row.dataset.line));
  });
  document.addEventListener("click", (event) => {
    const place = event.target.closest("[data-ns]");
    if (!place || !chunks.length) return;
    event.preventDefault();
    byId("logs").scrollIntoView();
    showMoment(place);
  });
  // What stands above the logs is painted first.
  requestAnimationFrame(() => setTimeout(read));
})();
