// Draws the charts of a page from the JSON API. Each canvas names its kind and its source.
"use strict";

(() => {
  const made = new Map();
  const wide = () => window.innerWidth > 700;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  const figure = (value) => Number(value.toPrecision(3)).toString();

  function logTicks(scale) {
    const low = scale.min, high = scale.max, found = [];
    const steps = high / low > 20 ? [1, 3] : high / low > 4 ? [1, 2, 3, 5, 7] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (const step of steps) {
        const value = step * 10 ** power;
        if (value >= low * 0.999 && value <= high * 1.001) found.push({ value });
      }
    }
    scale.ticks = found;
  }

  function axis(text, more = {}) {
    const grid = { color: colour("line") };
    const title = { display: true, text, color: colour("soft") };
    const ticks = { color: colour("soft"), callback: (value) => figure(Number(value)), maxRotation: 0, includeBounds: false };
    const log = more.type === "logarithmic" ? { afterBuildTicks: logTicks } : {};
    return { grid, title, ...log, ...more, ticks: { ...ticks, ...more.ticks } };
  }

  function options(x, y, tooltip, more = {}) {
    return {
      responsive: true,
      maintainAspectRatio: false,
      animation: false,
      interaction: { mode: "nearest", intersect: true },
      scales: { x, y, ...more.scales },
      plugins: {
        legend: {
          position: "bottom",
          labels: { color: colour("ink"), usePointStyle: true, boxHeight: 7, filter: (item) => item.text !== "" },
        },
        tooltip: { callbacks: { label: tooltip }, filter: (item) => item.dataset.label !== "" },
      },
    };
  }

  function paretoFront(points) {
    const front = [];
    let best = -Infinity;
    for (const point of [...points].sort((a, b) => a.x - b.x || b.y - a.y)) {
      if (point.y > best) { front.push(point); best = point.y; }
    }
    return front;
  }

  function front({ answer }) {
    const cloud = answer.cloud.map((p) => ({ x: p.latency_ms, y: p.accuracy_percent }));
    const picks = answer.picks.filter((p) => p.accuracy_percent !== null);
    const winners = picks.map((p) => ({ x: p.measured_ms ?? p.predicted_ms, y: p.accuracy_percent, pick: p }));
    const accuracies = cloud.map((p) => p.y).sort((a, b) => a - b);
    const best = Math.max(accuracies.at(-1), ...winners.map((p) => p.y));
    const floor = Math.min(accuracies[Math.floor(accuracies.length * 0.12)], ...winners.map((p) => p.y - 1));
    const limits = answer.limits.filter((l) => l.met && l.limit_ms !== null).map((l) => l.limit_ms);
    const lines = limits.map((limit) => ({
      type: "line", label: "", data: [{ x: limit, y: floor }, { x: limit, y: best + 0.5 }],
      borderColor: colour("soft"), borderDash: [5, 4], borderWidth: 1, pointRadius: 0,
    }));
    const intervals = picks.map((p) => ({
      type: "line", label: "", data: [{ x: p.low_ms, y: p.accuracy_percent }, { x: p.high_ms, y: p.accuracy_percent }],
      borderColor: colour("orange") + "80", borderWidth: 4, pointRadius: 0,
    }));
    const edge = { borderColor: colour("accent"), borderWidth: 2, pointRadius: 0, pointStyle: "line" };
    return {
      type: "scatter",
      data: {
        datasets: [
          { label: picks.some((p) => p.measured_ms !== null) ? "Measured winners" : "Winners, predicted", data: winners, backgroundColor: colour("orange"), borderColor: colour("card"), borderWidth: 1.5, pointRadius: 6.5, pointHoverRadius: 8 },
          ...intervals,
          { type: "line", stepped: "before", label: "Predicted front", data: paretoFront(cloud).filter((p) => p.y >= floor), ...edge },
          ...lines,
          { label: `${cloud.length} architectures, predicted`, data: cloud, backgroundColor: colour("cloud") + "70", borderWidth: 0, pointRadius: 2 },
        ],
      },
      options: options(
        axis("Latency (ms)", { type: "logarithmic" }),
        axis("Accuracy (%)", { min: floor, max: best + 0.5 }),
        (item) => item.raw.pick
          ? [`${item.raw.y.toFixed(2)} %, ${figure(item.raw.x)} ms${item.raw.pick.limit_ms === null ? "" : ` within ${figure(item.raw.pick.limit_ms)} ms`}`, `predicted ${figure(item.raw.pick.predicted_ms)} ms (${figure(item.raw.pick.low_ms)}–${figure(item.raw.pick.high_ms)})`]
          : `${item.raw.y.toFixed(2)} %, ${figure(item.raw.x)} ms predicted`,
      ),
    };
  }

  const READINGS = {
    cpu_temperature_c: ["Temperature (°C)", "orange"],
    cpu_clock_mhz: ["Clock (MHz)", "accent"],
    load_1min: ["Load", "good"],
  };

  function conditions({ conditions: rows }) {
    const datasets = [], scales = {};
    for (const [name, [label, tone]] of Object.entries(READINGS)) {
      const data = rows.filter((r) => r.readings[name] !== undefined)
        .map((r) => ({ x: r.measured_unix_s, y: r.readings[name] }));
      if (!data.length) continue;
      const side = datasets.length ? "right" : "left";
      scales[name] = axis(label, { position: side, grid: { drawOnChartArea: !datasets.length, color: colour("line") }, ticks: { color: colour(tone) }, display: wide() || !datasets.length, grace: "10%" });
      datasets.push({ type: "line", label, data, yAxisID: name, borderColor: colour(tone), backgroundColor: colour(tone), borderWidth: 1.5, pointRadius: rows.length > 80 ? 0 : 2, pointHitRadius: 8 });
    }
    if (!datasets.length) {
      const data = rows.map((r) => ({ x: r.measured_unix_s, y: r.median_ms }));
      scales.latency = axis("Median latency (ms)", { type: "logarithmic" });
      datasets.push({ label: "Median latency (ms); the board tells nothing of its conditions", data, yAxisID: "latency", backgroundColor: colour("accent"), pointRadius: 3 });
    }
    const span = rows.length ? rows.at(-1).measured_unix_s - rows[0].measured_unix_s : 0;
    const clock = (s) => new Date(s * 1000).toISOString().slice(...(span > 172800 ? [5, 10] : span > 600 ? [11, 16] : [11, 19]));
    const x = axis("Time (UTC)", { type: "linear", ticks: { callback: clock, maxTicksLimit: 7, autoSkip: true } });
    if (span > 0) { x.min = rows[0].measured_unix_s; x.max = rows.at(-1).measured_unix_s; }
    const made = options(x, undefined, (item) => `${item.dataset.label}: ${figure(item.raw.y)} at ${clock(item.raw.x)}`, { scales });
    delete made.scales.y;
    return { type: "scatter", data: { datasets }, options: made };
  }

  function embedding(found) {
    const tones = ["accent", "good", "warn", "soft", "bad"];
    const labels = found.architectures.map((_, index) => `${index + 1}`);
    const others = found.nearest.map((one, index) => ({
      label: one.device, data: one.relative, borderColor: colour(tones[index]), backgroundColor: colour(tones[index]), borderWidth: 1.5, borderDash: [6, 3], pointRadius: 2.5, spanGaps: true,
    }));
    const own = { label: found.device, data: found.relative, borderColor: colour("orange"), backgroundColor: colour("orange"), borderWidth: 3, pointRadius: 4 };
    return {
      type: "line",
      data: { labels, datasets: [own, ...others] },
      options: options(axis("Reference architecture", { ticks: { callback: (index) => labels[index] } }), axis("Relative latency", { type: "logarithmic" }), (item) => `${item.dataset.label}: ${figure(item.raw)}`),
    };
  }

  function predictions(found) {
    const points = found.points.map((p) => ({ x: p.measured_ms, y: p.predicted_ms, low: p.low_ms, high: p.high_ms }));
    const shown = points.length > 300 ? points.filter((_, index) => index % Math.ceil(points.length / 300) === 0) : points;
    const bars = [];
    for (const p of shown) bars.push({ x: p.x, y: p.low }, { x: p.x, y: p.high }, { x: NaN, y: NaN });
    const every = points.flatMap((p) => [p.x, p.y]);
    const ends = every.length ? [Math.min(...every) / 1.1, Math.max(...every) * 1.1] : [1, 10];
    return {
      type: "scatter",
      data: {
        datasets: [
          { label: "Measured besides the support set", data: shown, backgroundColor: colour("orange"), pointRadius: shown.length > 100 ? 2 : 4 },
          { type: "line", label: "90 % interval", data: bars, borderColor: colour("orange") + "66", borderWidth: shown.length > 100 ? 1 : 2.5, pointRadius: 0, spanGaps: false, pointStyle: "line" },
          { type: "line", label: "Predicted = measured", data: ends.map((end) => ({ x: end, y: end })), borderColor: colour("soft"), borderDash: [5, 4], borderWidth: 1, pointRadius: 0, pointStyle: "line" },
        ],
      },
      options: options(axis("Measured (ms)", { type: "logarithmic", min: ends[0], max: ends[1] }), axis("Predicted (ms)", { type: "logarithmic" }), (item) => item.raw.low ? `measured ${figure(item.raw.x)} ms, predicted ${figure(item.raw.y)} ms (${figure(item.raw.low)}–${figure(item.raw.high)})` : ""),
    };
  }

  function calibration(found) {
    const data = found.coverage.map((c) => ({ x: 100 * c.level, y: 100 * c.held }));
    return {
      type: "scatter",
      data: {
        datasets: [
          { type: "line", label: "Held", data, borderColor: colour("accent"), backgroundColor: colour("accent"), borderWidth: 2, pointRadius: 4 },
          { type: "line", label: "Ideal", data: [{ x: 45, y: 45 }, { x: 100, y: 100 }], borderColor: colour("soft"), borderDash: [5, 4], borderWidth: 1, pointRadius: 0, pointStyle: "line" },
        ],
      },
      options: options(axis("Interval level (%)", { min: 45, max: 100 }), axis("Intervals that held (%)", { suggestedMin: 40, max: 100 }), (item) => `${figure(item.raw.y)} % of the ${item.raw.x} % intervals held`),
    };
  }

  function table(id, caption, heads, rows) {
    const place = document.getElementById(id);
    if (!place) return;
    const element = document.createElement("table");
    element.createCaption().textContent = caption;
    const head = element.createTHead().insertRow();
    for (const text of heads) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = text;
      head.append(cell);
    }
    const body = element.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const text of row) line.insertCell().textContent = text;
    }
    place.replaceChildren(element);
  }

  function facts(kind, id, found) {
    if (kind === "embedding") {
      const rows = found.nearest.map((one) => [one.device, one.origin === "fleet" ? "in this fleet" : "learned from", `${figure(one.distance_percent)} %`]);
      table(id, "Nearest devices: how much relative latencies differ", ["Device", "Known", "Distance"], rows);
    } else if (kind === "predictions") {
      const n = found.points.length;
      const score = n ? `${n} measured besides the ${found.support} of the support set; mean error ${figure(found.error_percent)} %` + (found.spearman === null ? "" : `, rank correlation ${figure(found.spearman)}`) : `nothing was measured yet besides the ${found.support} of the support set`;
      table(id, `${found.predictor}: ${score}`, ["Interval level", "Held"], found.coverage.map((c) => [`${figure(100 * c.level)} %`, `${figure(100 * c.held)} %`]));
    }
  }

  const KINDS = { front, conditions, embedding, predictions, calibration };
  const answers = new Map();

  function load(source) {
    if (!answers.has(source)) {
      answers.set(source, fetch(source).then((response) => {
        if (!response.ok) throw new Error(`${response.status}`);
        return response.json();
      }).finally(() => setTimeout(() => answers.delete(source), 1000)));
    }
    return answers.get(source);
  }

  async function draw(canvas) {
    try {
      const found = await load(canvas.dataset.src);
      if (!canvas.isConnected) return;
      made.get(canvas)?.destroy();
      made.set(canvas, new Chart(canvas, KINDS[canvas.dataset.chart](found)));
      if (canvas.dataset.table) facts(canvas.dataset.chart, canvas.dataset.table, found);
    } catch (error) {
      const note = document.createElement("p");
      note.className = "empty";
      note.textContent = "This chart cannot be shown now; reload the page to try again.";
      canvas.replaceWith(note);
      console.error(error);
    }
  }

  window.helpCharts = {
    draw: (root) => { for (const canvas of root.querySelectorAll("canvas[data-chart]")) draw(canvas); },
    clear: (root) => {
      for (const canvas of root.querySelectorAll("canvas[data-chart]")) {
        made.get(canvas)?.destroy();
        made.delete(canvas);
      }
    },
  };
  window.helpCharts.draw(document);
  // Colours are read when a chart is drawn.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.helpCharts.draw(document));
})();
