// Keeps the page's figures fresh: server-sent events bring the live sections, rendered by the server, and the points of
// the charts. Without this file the page still shows its figures, and its forms still work.
"use strict";
(() => {
  const state = document.getElementById("stream");
  const text = document.getElementById("stream-text");
  const pause = document.getElementById("pause");
  const link = { source: null, retry: 0, paused: false, ended: false, timer: 0 };

  // say changes the status, which screen readers are told of: only when it becomes another.
  function say(name, words) {
    if (state.dataset.state === name) return;
    state.dataset.state = name;
    text.textContent = words;
  }

  // --- figures

  function figures(event) {
    const { at, sections } = JSON.parse(event.data);
    for (const [id, html] of Object.entries(sections)) {
      const into = document.getElementById(id);
      if (!into) continue;
      // Morphed, not replaced: focus, selection, scrolling and what was unfolded stay as they are.
      Idiomorph.morph(into, html, { morphStyle: "innerHTML", ignoreActiveValue: true, callbacks: { beforeAttributeUpdated: (name) => name !== "open" } });
      htmx.process(into);
    }
    state.title = "Last figures: " + new Date(at).toISOString();
    say("live", "Live");
  }

  // --- the stream

  function open() {
    clearTimeout(link.timer);
    if (link.source || link.paused || link.ended || document.hidden) return;
    const source = new EventSource(state.dataset.events);
    link.source = source;
    source.addEventListener("open", () => { link.retry = 0; });
    source.addEventListener("figures", figures);
    source.addEventListener("points", (e) => charts.add(JSON.parse(e.data)));
    source.addEventListener("ended", end);
    source.addEventListener("error", () => {
      // What the server refuses is not tried again by the browser, what breaks off would be, at once.
      close();
      say("waiting", "Interrupted");
      again();
    });
  }

  function close() {
    if (link.source) link.source.close();
    link.source = null;
  }

  async function again() {
    const wait = Math.min(30000, 1000 * 2 ** link.retry++);
    try {
      const answer = await fetch(state.dataset.session, { redirect: "error" });
      if (answer.status === 401 || answer.status === 403) return end();
    } catch {
      // The service is away: tried again below.
    }
    clearTimeout(link.timer);
    link.timer = setTimeout(open, wait);
  }

  function end() {
    close();
    link.ended = true;
    say("ended", "");
    const login = document.createElement("a");
    login.href = state.dataset.login;
    login.textContent = "Session ended: log in";
    text.replaceChildren(login);
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    link.paused = !link.paused;
    pause.setAttribute("aria-pressed", String(link.paused));
    if (link.paused) {
      close();
      say("still", "Paused");
    } else {
      open();
    }
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);

  // Whoever asked for something is taken to the answer, by keyboard and screen reader too: once htmx has taken it over.
  document.body.addEventListener("htmx:afterSettle", (event) => {
    event.detail.target.querySelector("[data-focus]")?.focus();
  });

  // --- charts

  const charts = (() => {
    const hour = 3600;
    const hues = ["--s1", "--s2", "--s3", "--s4", "--s5", "--s6", "--s7", "--s8"];
    const dashes = [[], [6, 4], [2, 3]];
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const kinds = [
      { id: "chart-ratio", index: 0, unit: " %", range: () => [0, 100], plot: null, none: "Nothing was read yet." },
      { id: "chart-latency", index: 1, unit: " ms", range: (u, min, max) => [0, max > 0 ? max * 1.1 : 5], plot: null, none: "No layer has had 100 hits within five minutes yet." },
    ];
    let points = [];
    let names = []; // of all layers; a layer's place among them is its colour in both charts

    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

    const shown = (index) => names.filter((name) => points.some((p) => p.layers[name]?.[index] != null));

    // Where points are missing, because the service was away or too busy to look, a point of nothing breaks the lines.
    function broken() {
      const steps = points.slice(1).map((p, i) => p.at - points[i].at).sort((a, b) => a - b);
      const usual = steps[Math.floor(steps.length / 2)];
      return points.flatMap((p, i) => (i && p.at - points[i - 1].at > 2.5 * usual ? [{ at: (p.at + points[i - 1].at) / 2, layers: {} }, p] : [p]));
    }

    function columns(kind) {
      const all = broken();
      return [all.map((p) => p.at), ...kind.names.map((name) => all.map((p) => p.layers[name]?.[kind.index] ?? null))];
    }

    const clock = (at) => new Date(at * 1000).toISOString().slice(11, 19);

    // A value with none beside it is no line: it is drawn as a point.
    function alone(u, series) {
      const values = u.data[series];
      return [...values.keys()].filter((i) => values[i] != null && values[i - 1] == null && values[i + 1] == null);
    }

    // What the legend says while nothing is pointed at: the latest value there is, and when that was if not just now.
    function latest(u, series, written) {
      const values = u.data[series];
      const i = values.findLastIndex((v) => v != null);
      if (i < 0) return "–";
      return written(values[i]) + (i < values.length - 1 ? " at " + clock(u.data[0][i]) : "");
    }

    // At least ten minutes wide, so that the first points of a young process do not fill it.
    function spread() {
      const last = points[points.length - 1].at;
      return [Math.min(points[0].at, last - 600), last];
    }

    function note(into, words) {
      const p = document.createElement("p");
      p.className = "quiet";
      p.textContent = words;
      into.replaceChildren(p);
    }

    // How broad an axis must be for its labels, whatever their number of digits, with ticks (10) and gap (5).
    function broad(u, values, at, cycle) {
      const axis = u.axes[at];
      if (cycle > 1) return axis._size; // what the labels are depends on the size: it has to settle
      u.ctx.save();
      u.ctx.font = axis.font[0];
      const widest = Math.max(0, ...(values ?? []).map((v) => u.ctx.measureText(v).width)) / devicePixelRatio;
      u.ctx.restore();
      return Math.max(56, Math.ceil(widest) + 17);
    }

    function make(kind) {
      const into = document.getElementById(kind.id);
      kind.plot?.destroy();
      kind.plot = null;
      kind.names = shown(kind.index);
      into.replaceChildren();
      if (!kind.names.length) return note(into, kind.none);
      const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--soft"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui, sans-serif" };
      const written = (v) => (v == null ? "–" : v.toFixed(v < 10 && kind.index ? 2 : 1) + kind.unit);
      kind.plot = new uPlot({
        width: into.clientWidth,
        height: 190,
        tzDate: (ts) => uPlot.tzDate(new Date(ts * 1000), "UTC"),
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { x: { range: spread }, y: { range: kind.range } },
        axes: [{ ...axis, space: 60, values: "{HH}:{mm}" }, { ...axis, size: broad, values: (u, all) => all.map((v) => v + kind.unit) }],
        series: [
          { label: "UTC", value: (u, v, series, i) => (i == null ? latest(u, series, clock) : clock(v)) },
          ...kind.names.map((name) => {
            const i = names.indexOf(name);
            return {
              label: name, stroke: colour(hues[i % hues.length]), dash: dashes[Math.floor(i / hues.length) % dashes.length],
              width: 1.5, spanGaps: false, points: { show: false, filter: alone, size: 4 },
              value: (u, v, series, at) => (at == null ? latest(u, series, written) : written(v)),
            };
          }),
        ],
      }, columns(kind), into);
    }

    dark.addEventListener("change", () => kinds.filter((kind) => kind.plot).forEach(make));
    const resized = new ResizeObserver(() => {
      for (const kind of kinds) {
        const width = document.getElementById(kind.id).clientWidth;
        if (kind.plot && width && kind.plot.width !== width) kind.plot.setSize({ width, height: 190 });
      }
    });
    for (const kind of kinds) {
      const into = document.getElementById(kind.id);
      note(into, "The first figures come within ten seconds.");
      resized.observe(into);
    }

    return {
      add(more) {
        const last = points.length ? points[points.length - 1].at : 0;
        const first = more[0].at;
        // A new stream begins with its hour again, perhaps of a process that has started anew.
        points = first <= last ? more : points.concat(more);
        const from = points[points.length - 1].at - hour;
        points = points.filter((p) => p.at >= from);
        const all = [...new Set(points.flatMap((p) => Object.keys(p.layers)))].sort();
        const same = all.join() === names.join();
        names = all;
        for (const kind of kinds) {
          if (same && kind.plot && shown(kind.index).join() === kind.names.join()) {
            kind.plot.setData(columns(kind));
            if (kind.plot.cursor.idx == null) kind.plot.setLegend({ idx: null }, false);
          } else make(kind);
        }
      },
    };
  })();

  open();
})();
